::core::compile_error! {
    "`orders.**.created` is no pattern of topics: `**` stands at the end only, for all parts that follow; write `*` for any one part"
}
::core::compile_error! {
    "`timeout` can't be zero: give it a duration, like `timeout = \"5s\"`"
}
::core::compile_error! {
    "what comes by reference is shared with others, and can't be changed: leave out `mut`\na rule is written `async fn name(event: &RuleEvent, data: Type, cx: &Cx) -> Result<()> { .. }`"
}
async fn remember(cx: &mut Cx) {}
