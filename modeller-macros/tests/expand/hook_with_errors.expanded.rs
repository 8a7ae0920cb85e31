::core::compile_error! {
    "unknown option `ordr`: did you mean `order`?\nthe options of a hook are `before`, `after`, `after_commit`, `order`, `schedule`, `timeout`, `name`, `crate`"
}
::core::compile_error! {
    "hooks do not run on `get`: of what only reads they see `list`\nhooks run around `insert`, `update`, `delete`, `list`"
}
::core::compile_error! {
    "a hook can't have type parameters: nobody would name them when it is called\na hook is written `async fn name(user: &mut User, cx: &Cx) -> Result<()> { .. }`"
}
fn normalize<T>(user: &mut User) {}
