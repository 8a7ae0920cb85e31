pub enum Either<'a, T> where T: Clone {
    Left(&'a str),
    Right(T),
}
