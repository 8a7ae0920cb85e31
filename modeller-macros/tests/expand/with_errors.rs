#[model(scop = "shop")]
pub struct Item {
    #[model(uniqu)]
    pub name: String,
    pub version: u32,
    pub price: u64,
}
