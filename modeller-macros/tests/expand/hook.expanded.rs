/// Addresses are compared in lower case.
async fn normalize_email(user: &mut User) -> Result<()> {
    user.email = user.email.to_lowercase();
    Ok(())
}
const _: () = {
    use ::modeller::__private as __modeller;
    const POINTS: &[__modeller::HookPoint] = &[
        __modeller::HookPoint::before(__modeller::Operation::Insert),
        __modeller::HookPoint::before(__modeller::Operation::Update),
    ];
    static HANDLER: __modeller::HookHandler = {
        __modeller::given::<User, &mut User>(POINTS);
        __modeller::hook_handler(
            POINTS,
            __modeller::HookOptions::new(),
            |mut parts| __modeller::boxed(async move {
                __modeller::HookOutcome::into_result(
                    normalize_email(__modeller::argument::<User, &mut User>(&mut parts)?)
                        .await,
                )
            }),
        )
    };
    __modeller::submit! {
        __modeller::hook:: < User > (__modeller::names!("normalizeEmail",
        "normalize_email", "Addresses are compared in lower case."), & HANDLER,
        __modeller::site!())
    }
};
