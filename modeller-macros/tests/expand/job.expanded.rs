#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct CleanUp {}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::job::<
        CleanUp,
    >(
            __modeller::names!("nightly", "CleanUp", ""),
            const {
                &__modeller::job_handler::<
                    CleanUp,
                >(
                    __modeller::JobOptions::new()
                        .attempts(7)
                        .backoff(2000)
                        .timeout(300000)
                        .cron("0 3 * * *"),
                )
            },
            __modeller::site!(),
        )
        .of::<User>();
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsJob for CleanUp {
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
};
