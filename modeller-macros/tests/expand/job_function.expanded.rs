async fn send_mail(to: String) -> Result<()> {
    Ok(())
}
#[derive(::serde::Serialize, ::serde::Deserialize)]
#[derive(::schemars::JsonSchema, ::validator::Validate)]
#[allow(missing_docs, missing_debug_implementations)]
struct SendMail {
    to: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::job::<
        SendMail,
    >(
        __modeller::names!("sendMail", "SendMail", ""),
        const { &__modeller::job_handler::<SendMail>(__modeller::JobOptions::new()) },
        __modeller::site!(),
    );
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsJob for SendMail {
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
    #[automatically_derived]
    impl __modeller::Job for SendMail {
        async fn run(self, _: &__modeller::Cx) -> __modeller::Result<()> {
            __modeller::HookOutcome::into_result(send_mail(self.to).await)
        }
    }
};
