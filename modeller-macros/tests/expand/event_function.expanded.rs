fn say(text: String, to: &Subscription, _: &Cx) {}
#[derive(::serde::Serialize, ::serde::Deserialize)]
#[derive(::schemars::JsonSchema, ::validator::Validate)]
#[allow(missing_docs, missing_debug_implementations)]
struct Say {
    text: String,
}
const _: () = {
    use ::modeller::__private as __modeller;
    static BEHAVIOUR: __modeller::Behaviour = __modeller::event::<
        Say,
    >(__modeller::names!("said", "Say", ""), __modeller::site!());
    __modeller::submit!(BEHAVIOUR);
    #[automatically_derived]
    impl __modeller::IsEvent for Say {
        type Model = Room;
        fn behaviour() -> &'static __modeller::Behaviour {
            &BEHAVIOUR
        }
    }
    #[automatically_derived]
    impl __modeller::Event for Say {
        type Reply = __modeller::ReplyOf<()>;
        async fn handle(
            self,
            cx: &__modeller::Cx,
            to: &__modeller::Subscription,
        ) -> __modeller::Result<Self::Reply> {
            <() as __modeller::Outcome>::into_outcome(
                say(
                    self.text,
                    __modeller::FromEvent::from_event(cx, to),
                    __modeller::FromEvent::from_event(cx, to),
                ),
            )
        }
    }
};
