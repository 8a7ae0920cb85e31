//! What an application has for those who watch: live queries, channels, and the doors that they come by.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::{App, StartError, once};
use crate::doors::http::{self, HttpDoor, Method, Mount, Page, Route, RouteCx};
use crate::doors::openapi::Component;
#[cfg(feature = "socketio")]
use crate::doors::socketio::{self, SocketIoDoor, SocketIoOptions};
use crate::doors::ws::{
    self, Caller, RealtimeDoor, RealtimeOptions, RealtimeSubscriptionRequest, RealtimeSubscriptionResponse,
    WsDoor,
};
use crate::doors::{asyncapi, openapi};
use crate::engine::Engine;
use crate::live::rule::declared;
use crate::live::{self, ChannelSettings, Channels, Connections, Live, LiveOptions, Rules, RulesOptions};
use crate::model::Code;
use crate::registry::{Fault, Faults, Registry};

/// What was set.
#[derive(Default)]
pub(super) struct Watch {
    live: LiveOptions,
    channels: ChannelSettings,
    rules: Option<RulesOptions>,
    realtime: RealtimeOptions,
    #[cfg(feature = "socketio")]
    socketio: SocketIoOptions,
}

/// What there is while the application runs.
pub(super) struct Watched(Arc<Live>);

impl App {
    /// The limits of connections that stay open, and what happens to slow and dead ones.
    pub fn live(mut self, options: LiveOptions) -> Self {
        self.watch.live = options;
        self
    }

    /// What holds for [channels](crate::live): who may do what, limits and times.
    pub fn channels(mut self, settings: ChannelSettings) -> Self {
        self.watch.channels = settings;
        self
    }

    /// Switches rules on: facts, events under topics, and handlers of such. See [`Rules`].
    pub fn rules(mut self, options: RulesOptions) -> Self {
        self.watch.rules = Some(options);
        self
    }

    /// What concerns subscriptions that begin with a request over HTTP: whether there are any, their paths, how it is known who asks.
    pub fn realtime(mut self, options: RealtimeOptions) -> Self {
        self.watch.realtime = options;
        self
    }

    /// What concerns the Socket.IO door alone: how it knows who connects, and times of its transport.
    #[cfg(feature = "socketio")]
    pub fn socketio(mut self, options: SocketIoOptions) -> Self {
        self.watch.socketio = options;
        self
    }
}

impl Watch {
    /// How many connections stay open at most.
    pub(super) fn most(&self) -> usize {
        self.live.max_connections
    }

    /// No more than this many.
    pub(super) fn limit(&mut self, most: usize) {
        self.live.max_connections = self.live.max_connections.min(most);
    }

    /// Gives an engine what was set.
    pub(super) fn equip(&self, engine: &Engine) {
        Channels::of(engine).set(self.channels.clone());
    }

    /// Checks the rules that are declared.
    pub(super) fn check(&self, registry: &Registry) -> Result<(), StartError> {
        Ok(declared::check(registry)?)
    }

    /// One line a rule that is declared.
    pub(super) fn lines(&self, registry: &Registry) -> Vec<String> {
        let off = if self.rules.is_none() { "  (off: without `App::rules` it is never called)" } else { "" };
        declared::lines(registry).into_iter().map(|line| line + off).collect()
    }

    /// What there is to say of the rules, if the application has some.
    pub(super) fn describe(&self, registry: &Registry) -> Map<String, Json> {
        let rules = self.rules.as_ref().map(|_| ("rules".to_owned(), declared::describe(registry)));
        rules.into_iter().collect()
    }

    /// Gives a new engine its rules, if the application has some.
    pub(super) fn start(&self, engine: &Arc<Engine>) -> Result<(), StartError> {
        if self.rules.is_none() {
            for (behaviour, _) in declared::all(engine.registry()) {
                let site = behaviour.site;
                tracing::warn!(%site, "rule `{}` is never called: `App::rules` switches rules on", behaviour.rust);
            }
        }
        let mut faults = Faults::default();
        if self.realtime.enabled {
            self.realtime.faults().into_iter().for_each(|fault| faults.push(Fault::new(fault)));
        }
        if let Some(options) = &self.rules
            && let Err(error) = Rules::start(engine, options.clone())
        {
            faults.push(Fault::new(error.message().to_owned()));
        }
        Ok(faults.into_result()?)
    }

    /// What there is from now on.
    pub(super) fn open(&self, engine: &Arc<Engine>) -> Watched {
        Watched(Live::new(engine.clone(), self.live.clone()))
    }

    /// What the documentation says of it.
    pub(super) fn pages(&self) -> Vec<openapi::Page> {
        if !self.realtime.enabled {
            return Vec::new();
        }
        let mut page = openapi::Page::new("POST", &self.realtime.subscribe_path, "Subscribe to a query");
        page.id = Some("realtime_subscribe".into());
        page.tag = Some("realtime".into());
        page.description = Some(format!(
            "The subscription is taken up with a WebSocket at `{}`, within the time that the token is good for, and once: \
             `new WebSocket(websocket.url, websocket.protocols)`. There the first message is `{{\"event\":\"query:update\", \
             \"payload\": {{\"queryName\", \"signature\", \"data\"}}}}` with what the query answers, and each further one \
             comes when it answers something else.",
            self.realtime.websocket_path
        ));
        page.takes = Some(Component::read::<RealtimeSubscriptionRequest>("RealtimeSubscriptionRequest"));
        page.replies =
            Some(Component::written::<RealtimeSubscriptionResponse>("RealtimeSubscriptionResponse"));
        page.codes = vec![
            Code::InvalidRequest,
            Code::InvalidQuery,
            Code::InvalidCursor,
            Code::ParseError,
            Code::ValidationError,
            Code::Unauthorized,
            Code::Forbidden,
            Code::ModelNotFound,
            Code::MethodNotFound,
            Code::Timeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::RateLimited,
            Code::Overloaded,
            Code::StoreUnavailable,
        ];
        vec![page]
    }

    /// The description of what goes over connections that stay open.
    pub(super) fn document(&self, registry: &Registry, about: &openapi::About) -> Option<Json> {
        Some(self.spoken().document(registry, about))
    }

    fn spoken(&self) -> Spoken {
        Spoken {
            rules: self.rules.is_some(),
            realtime: self.realtime.enabled.then(|| self.realtime.clone()),
            #[cfg(feature = "socketio")]
            socketio: self.socketio.enabled,
        }
    }

    /// Opens the doors to it, behind the HTTP door, and describes them.
    pub(super) fn doors(self, watched: &Watched, about: openapi::About, door: HttpDoor) -> HttpDoor {
        let live = &watched.0;
        let (spoken, registry) = (self.spoken(), live.engine().registry().clone());
        let (connections, socket) = (live.connections().clone(), WsDoor::new(live.clone()));
        let door = door
            .live(live.clone())
            .page(Page::made(
                "/@asyncapi.json",
                "application/json",
                once(move || spoken.document(&registry, &about)),
            ))
            .page(Page::made("/@metrics", live::METRICS, move || connections.metrics().into()))
            .mount(Mount::at(ws::PATH, move |request| {
                let remote = http::remote(&request);
                ready(socket.answer(request, remote))
            }));
        let door = realtime(live, self.realtime, door);
        #[cfg(feature = "socketio")]
        if self.socketio.enabled {
            let socketio = SocketIoDoor::new(live.clone(), self.socketio);
            return door.mount(Mount::below(socketio::PATH, move |request| socketio.answer(request)));
        }
        door
    }
}

/// Opens the door for subscriptions that begin with a request over HTTP, if there is to be one.
fn realtime(live: &Arc<Live>, options: RealtimeOptions, door: HttpDoor) -> HttpDoor {
    if !options.enabled {
        return door;
    }
    let realtime = RealtimeDoor::new(live.clone(), options);
    let (asked, options) = (realtime.clone(), realtime.options().clone());
    let subscribe = move |cx: RouteCx| {
        let asked = asked.clone();
        async move {
            let request: RealtimeSubscriptionRequest = cx.json()?;
            let caller = Caller::new(cx.headers().clone(), cx.remote(), cx.identity().clone());
            asked.subscribe(caller, request).await
        }
    };
    door.route(Route::new(Method::POST, options.subscribe_path, subscribe)).mount(Mount::at(
        &options.websocket_path,
        move |request| {
            let (remote, realtime) = (http::remote(&request), realtime.clone());
            async move { realtime.answer(request, remote).await }
        },
    ))
}

/// Which of the doors and operations there are.
struct Spoken {
    rules: bool,
    realtime: Option<RealtimeOptions>,
    #[cfg(feature = "socketio")]
    socketio: bool,
}

impl Spoken {
    fn document(&self, registry: &Registry, about: &openapi::About) -> Json {
        let info = asyncapi::Info {
            title: about.title.clone(),
            version: about.version.clone(),
            description: about.description.clone(),
        };
        asyncapi::document(registry, &info, &|catalog| {
            let mut doors = vec![ws::protocol(catalog, self.rules)];
            doors.extend(self.realtime.iter().map(|options| ws::realtime_protocol(catalog, options)));
            #[cfg(feature = "socketio")]
            if self.socketio {
                doors.push(socketio::protocol(catalog, self.rules));
            }
            doors.push(http::protocol(catalog));
            doors
        })
    }
}

impl Watched {
    /// Where the server listens.
    pub(super) fn set_port(&self, port: u16) {
        self.0.connections().set_port(port);
    }

    /// Tells clients that the server stops, as soon as that is so.
    pub(super) fn ending(&self) -> Ending {
        let connections = self.0.connections().clone();
        let grace = connections.options().grace;
        Ending { connections, grace }
    }
}

/// The end of connections that stay open.
#[derive(Clone)]
pub(super) struct Ending {
    connections: Connections,
    grace: Duration,
}

impl Ending {
    /// Tells clients, waits until they have gone, and cuts off the others.
    pub(super) async fn come(self) {
        self.connections.stop(self.grace).await;
    }
}

#[cfg(test)]
mod tests {
    use crate::live::RulesOptions;
    use crate::prelude::*;

    /// Something to watch.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "watched", name = "lamps")]
    struct Lamp {
        on: bool,
    }

    #[crate::rule(Lamp, topic = "lamps.*")]
    fn switched() {}

    #[test]
    fn rules_are_listed_with_their_place_and_whether_they_are_on() {
        // RUL-02
        let app = || App::isolated().models::<(Lamp,)>();
        let listed = |app: App| app.behaviours(&app.registry().unwrap());
        let off = listed(app());
        assert_eq!(off.len(), 1);
        assert!(
            off[0].starts_with("rule watched/lamps.switched  lamps.*  [switched modeller/src/app/watch.rs:"),
            "{off:?}"
        );
        assert!(off[0].ends_with("(off: without `App::rules` it is never called)"), "{off:?}");
        let on = listed(app().rules(RulesOptions::new()));
        assert!(
            on.len() == 1 && on[0].starts_with("rule watched/lamps.switched") && !on[0].contains("off"),
            "{on:?}"
        );
    }
}
