/// Looks after old ones.
async fn sweep(cx: &Cx) -> Result<()> {
    Ok(())
}
const _: () = {
    use ::modeller::__private as __modeller;
    static HANDLER: __modeller::WorkerHandler = __modeller::worker_handler(
        __modeller::WorkerOptions {
            every: 5000,
            immediate: false,
        },
        |cx| __modeller::boxed(async move {
            __modeller::HookOutcome::into_result(
                sweep(__modeller::FromWorker::from_worker(cx)).await,
            )
        }),
    );
    __modeller::submit! {
        __modeller::worker(__modeller::names!("sweep", "sweep", "Looks after old ones."),
        & HANDLER, __modeller::site!()).of:: < User > ()
    }
};
