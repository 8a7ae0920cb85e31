/// Remembers it.
async fn remember(order: Created, event: &RuleEvent, cx: &Cx) -> Result<()> {
    Ok(())
}
const _: () = {
    use ::modeller::__private as __modeller;
    static HANDLER: __modeller::RuleFunction = {
        let rule = __modeller::RuleFunction::new(
                "orders.*",
                |cx, event| __modeller::boxed(async move {
                    __modeller::HookOutcome::into_result(
                        remember(
                                __modeller::FromRule::from_rule(cx, event)?,
                                __modeller::FromRule::from_rule(cx, event)?,
                                __modeller::FromRule::from_rule(cx, event)?,
                            )
                            .await,
                    )
                }),
            )
            .timeout(5000);
        let rule = __modeller::RuleFunction::taking::<Created>(rule);
        let rule = __modeller::RuleFunction::taking::<&RuleEvent>(rule);
        __modeller::RuleFunction::taking::<&Cx>(rule)
    };
    __modeller::submit! {
        __modeller::rule(__modeller::names!("remember", "remember", "Remembers it."), &
        HANDLER, __modeller::site!()).of:: < Order > ()
    }
};
