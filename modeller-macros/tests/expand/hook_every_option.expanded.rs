/// Tells somebody.
///
/// Twice.
#[cfg(unix)]
pub fn tell(cx: &Cx, (one, two): Pair<'_>, user: &Doc<User>) {}
#[cfg(unix)]
const _: () = {
    use crate::framework::__private as __modeller;
    const POINTS: &[__modeller::HookPoint] = &[
        __modeller::HookPoint::after(__modeller::Operation::Update),
        __modeller::HookPoint::after(__modeller::Operation::Delete),
        __modeller::HookPoint::after(__modeller::Operation::List),
        __modeller::HookPoint::after_commit(__modeller::Operation::Insert),
    ];
    static HANDLER: __modeller::HookHandler = {
        __modeller::given::<models::User, &Cx>(POINTS);
        __modeller::given::<models::User, Pair<'_>>(POINTS);
        __modeller::given::<models::User, &Doc<User>>(POINTS);
        __modeller::hook_handler(
            POINTS,
            __modeller::HookOptions::new().order(-10).schedule(2000).timeout(500),
            |mut parts| __modeller::boxed(async move {
                __modeller::HookOutcome::into_result(
                    tell(
                        __modeller::argument::<models::User, &Cx>(&mut parts)?,
                        __modeller::argument::<models::User, Pair<'_>>(&mut parts)?,
                        __modeller::argument::<models::User, &Doc<User>>(&mut parts)?,
                    ),
                )
            }),
        )
    };
    __modeller::submit! {
        __modeller::hook:: < models::User > (__modeller::names!("told", "tell",
        "Tells somebody.\n\nTwice."), & HANDLER, __modeller::site!())
    }
};
