//! What an application has for those who watch: live queries, channels, and the doors that they come by.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::{App, StartError};
use crate::doors::http::{self, HttpDoor, Mount, Page};
#[cfg(feature = "socketio")]
use crate::doors::socketio::{self, SocketIoDoor, SocketIoOptions};
use crate::doors::ws::{self, WsDoor};
use crate::engine::Engine;
use crate::live::rule::declared;
use crate::live::{self, ChannelSettings, Channels, Connections, Live, LiveOptions, Rules, RulesOptions};
use crate::registry::{Fault, Faults, Registry};

/// What was set.
#[derive(Default)]
pub(super) struct Watch {
    live: LiveOptions,
    channels: ChannelSettings,
    rules: Option<RulesOptions>,
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
        let Some(options) = &self.rules else {
            for (behaviour, _) in declared::all(engine.registry()) {
                let site = behaviour.site;
                tracing::warn!(%site, "rule `{}` is never called: `App::rules` switches rules on", behaviour.rust);
            }
            return Ok(());
        };
        let mut faults = Faults::default();
        if let Err(error) = Rules::start(engine, options.clone()) {
            faults.push(Fault::new(error.message().to_owned()));
        }
        Ok(faults.into_result()?)
    }

    /// What there is from now on.
    pub(super) fn open(&self, engine: &Arc<Engine>) -> Watched {
        Watched(Live::new(engine.clone(), self.live.clone()))
    }

    /// Opens the doors to it, behind the HTTP door.
    pub(super) fn doors(self, watched: &Watched, door: HttpDoor) -> HttpDoor {
        let live = &watched.0;
        let (connections, socket) = (live.connections().clone(), WsDoor::new(live.clone()));
        let door = door
            .live(live.clone())
            .page(Page::made("/@metrics", live::METRICS, move || connections.metrics().into()))
            .mount(Mount::at(ws::PATH, move |request| {
                let remote = http::remote(&request);
                ready(socket.answer(request, remote))
            }));
        #[cfg(feature = "socketio")]
        if self.socketio.enabled {
            let socketio = SocketIoDoor::new(live.clone(), self.socketio);
            return door.mount(Mount::below(socketio::PATH, move |request| socketio.answer(request)));
        }
        door
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
