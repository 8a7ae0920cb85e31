//! Joining and leaving.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::event::quote;
use super::kept;
use super::room::{Head, Heritage, Member, Room, hand};
use super::topic::check_name;
use super::{
    ChannelAction, ChannelEvent, ChannelEventKind, ChannelOptions, ChannelSink, Channels, MAX_REPLAY,
    Position, Replayed, Topic, after, lock, not_joined,
};
use crate::engine::{Cx, Engine};
use crate::model::{Code, Error, Result};

/// A connection in a channel.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) room: Arc<Room>,
    pub(super) member: u64,
    /// Where it is told, from before it is a member on.
    sink: Arc<dyn ChannelSink>,
}

/// A connection has joined.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The channel.
    pub topic: Topic,
    /// The connection had joined before, and goes on as it was.
    pub is_old: bool,
    /// The place of the last broadcast that was kept before: all after it are heard.
    pub position: Option<Position>,
    /// What was told of those before, if that was asked for.
    pub replayed: Option<Replayed>,
    /// How often a client that is present says that it still is, in milliseconds.
    pub heartbeat: u64,
}

impl Joined {
    /// As doors answer it: `{channel, private, heartbeat_ms, position?, replayed?}`.
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({
            "channel": self.topic.name(), "private": self.topic.is_private(), "heartbeat_ms": self.heartbeat
        });
        if let Some(position) = self.position {
            json["position"] = position.to_string().into();
        }
        if let Some(replayed) = &self.replayed {
            json["replayed"] = replayed.to_json();
        }
        json
    }
}

/// A place that was taken for somebody who has not joined yet.
struct Reserved<'a> {
    channels: &'a Channels,
    connection: &'a str,
    topic: &'a Topic,
    member: u64,
    done: bool,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        // Whoever waited for it may have gone away.
        if !self.done {
            drop(self.channels.give_up(self.connection, self.topic, Some(self.member)));
        }
    }
}

impl Channels {
    /// Lets a connection into a channel; its sink is told who is present, then what was missed (if that was asked for), then all that
    /// happens from now on. A connection that has joined before goes on as it was.
    ///
    /// # Errors
    /// `FORBIDDEN` if it may not; `RATE_LIMITED` if it is in too many; `CONFLICT` if it is in the other channel of this name, or
    /// has gone meanwhile; `INVALID_REQUEST` if the topic or the key can't be one; if the store can't be read.
    pub async fn join(
        &self,
        cx: &Cx,
        connection: &str,
        topic: &str,
        options: ChannelOptions,
        sink: Arc<dyn ChannelSink>,
    ) -> Result<Joined> {
        let settings = self.settings();
        let topic = Topic::new(topic, options.private, settings.max_topic)?;
        if let Some(key) = &options.presence_key {
            check_name("presence key", key, settings.max_name)?;
        }
        if self.has_joined_this(connection, &topic)? {
            return Ok(self.told(topic, None, None, true));
        }
        self.permit(cx, &topic, ChannelAction::Join).await?;
        if options.since.is_some() {
            self.permit(cx, &topic, ChannelAction::Replay).await?;
        }
        let member = self.number();
        let Some(place) = self.reserve(connection, &topic, member, settings.max_channels, &sink)? else {
            return Ok(self.told(topic, None, None, true));
        };
        let room = place.room.clone();
        let mut reserved = Reserved { channels: self, connection, topic: &topic, member, done: false };
        // Who may not be present itself is it in nobody else's place either.
        let key = options.presence_key.as_deref();
        let heritage = Heritage { connection: options.resumes.as_deref(), key };
        let may_inherit =
            room.has_left(heritage) && self.permit(cx, &topic, ChannelAction::Track).await.is_ok();
        // Nobody tells what is kept meanwhile, so that what was missed and what comes fit together.
        let mut head = room.head.lock().await;
        self.know(cx.engine(), &topic, &mut head).await?;
        let missed = match options.since {
            None => None,
            Some(since) => Some(kept::read(cx.engine(), &topic, *head, since, MAX_REPLAY).await?),
        };
        // It may have gone while it joined, or have become somebody else.
        let is_here = || {
            let place = self.place(connection, &topic);
            sink.is_open() && place.is_ok_and(|place| place.member == member)
        };
        // Then nothing of the channel is for it.
        if !is_here() {
            return Err(gone());
        }
        let until = after(self.clock.now(), settings.presence_ttl);
        let newcomer = Member {
            sink: sink.clone(),
            connection: Some(connection.into()),
            echo: options.self_,
            presence: options.presence,
            key: key.unwrap_or(connection).into(),
            is_named: key.is_some(),
            entry: None,
            is_heir: false,
        };
        room.enter(member, newcomer, may_inherit.then_some(heritage), until);
        let replayed = missed.map(|missed| self.tell_again(&room, member, missed));
        let position = head.position();
        drop(head);
        // Nobody else lets it go that was not a member yet.
        if !is_here() {
            self.depart(connection, &place, Some(settings.presence_grace));
            place.sink.left();
            return Err(gone());
        }
        reserved.done = true;
        self.watch(&room);
        self.counters.joins.fetch_add(1, Ordering::Relaxed);
        Ok(self.told(topic.clone(), position, replayed, false))
    }

    fn told(
        &self,
        topic: Topic,
        position: Option<Position>,
        replayed: Option<Replayed>,
        is_old: bool,
    ) -> Joined {
        let heartbeat = self.settings().presence_ttl.as_millis() / 2;
        Joined { topic, is_old, position, replayed, heartbeat: u64::try_from(heartbeat).unwrap_or(u64::MAX) }
    }

    /// Finds out how far the broadcasts of a channel have come that were kept.
    pub(super) async fn know(&self, engine: &Engine, topic: &Topic, head: &mut Head) -> Result<()> {
        if let Head::Unknown = head {
            *head = kept::head(engine, topic).await?.map_or(Head::Nothing, Head::At);
        }
        Ok(())
    }

    /// Whether a connection is in a channel.
    pub fn has_joined(&self, connection: &str, topic: &str) -> bool {
        self.place(connection, topic).is_ok()
    }

    /// Whether a connection is in this channel of its name.
    fn has_joined_this(&self, connection: &str, topic: &Topic) -> Result<bool> {
        match self.place(connection, topic) {
            Ok(place) => same(&place.room.topic, topic).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Takes a place for a connection; `None` if it has one.
    fn reserve(
        &self,
        connection: &str,
        topic: &Topic,
        member: u64,
        most: usize,
        sink: &Arc<dyn ChannelSink>,
    ) -> Result<Option<Place>> {
        let room = self.room(topic);
        let mut connections = lock(&self.connections);
        let places = connections.get(connection);
        if let Some(place) = places.and_then(|places| places.get(topic.name())) {
            return same(&place.room.topic, topic).map(|()| None);
        }
        if places.is_some_and(|places| places.len() >= most) || most == 0 {
            let message = format!("a connection is in {most} channels at most");
            return Err(Error::new(Code::RateLimited, message));
        }
        let place = Place { room, member, sink: sink.clone() };
        let places = connections.entry(connection.into()).or_default();
        places.insert(topic.shared().clone(), place.clone());
        Ok(Some(place))
    }

    /// Takes a place back, if it is this member's (or anybody's).
    fn give_up(&self, connection: &str, topic: &str, member: Option<u64>) -> Option<Place> {
        let mut connections = lock(&self.connections);
        let places = connections.get_mut(connection)?;
        if member.is_some_and(|member| places.get(topic).is_none_or(|place| place.member != member)) {
            return None;
        }
        let place = places.remove(topic);
        if places.is_empty() {
            connections.remove(connection);
        }
        place
    }

    /// Lets a connection leave a channel: with all its bindings, and it is not present from then on. `false` if it was not in it.
    pub fn leave(&self, connection: &str, topic: &str) -> bool {
        let Some(place) = self.give_up(connection, topic, None) else { return false };
        self.part(connection, &place);
        true
    }

    /// Lets a connection leave all channels, as one that says goodbye.
    pub fn leave_all(&self, connection: &str) {
        self.depart_all(connection, false);
    }

    /// Lets a connection leave all channels that was cut: for a while it stays present, so that it may come back without anybody
    /// noticing.
    pub fn disconnect(&self, connection: &str) {
        self.depart_all(connection, true);
    }

    fn depart_all(&self, connection: &str, cut: bool) {
        let places = lock(&self.connections).remove(connection);
        let grace = cut.then(|| self.settings().presence_grace);
        for place in places.into_iter().flat_map(HashMap::into_values) {
            self.depart(connection, &place, grace);
        }
    }

    /// Lets a connection go that stays where it is, and is told no more of the channel; whether it was a member.
    fn part(&self, connection: &str, place: &Place) -> bool {
        let was_member = self.depart(connection, place, None);
        place.sink.left();
        was_member
    }

    fn depart(&self, connection: &str, place: &Place, grace: Option<std::time::Duration>) -> bool {
        self.bindings.remove_of(connection, place.member);
        let was_member = place.room.leave(place.member, grace.map(|grace| after(self.clock.now(), grace)));
        self.watch(&place.room);
        was_member
    }

    /// Asks again whether a connection may be in its channels, be present there, and hear of changes through them, as far as it does, as
    /// after its identity has changed. Those where it may no more it leaves, and its sink is told so with a [`Closed`](ChannelEventKind::Closed) event; answers their topics.
    pub async fn reauthorize(&self, cx: &Cx, connection: &str) -> Vec<Topic> {
        let mut left = Vec::new();
        for (topic, _) in self.joined(connection) {
            let Ok(place) = self.place(connection, &topic) else { continue };
            let topic = place.room.topic.clone();
            if let Err(error) = self.permit_again(cx, connection, &place).await
                && self.expel(connection, &topic, &error).is_ok()
            {
                left.push(topic);
            }
        }
        left
    }

    /// Fails unless the caller may do all that the connection does in a channel.
    async fn permit_again(&self, cx: &Cx, connection: &str, place: &Place) -> Result<()> {
        let topic = &place.room.topic;
        self.permit(cx, topic, ChannelAction::Join).await?;
        if place.room.is_present(place.member) {
            self.permit(cx, topic, ChannelAction::Track).await?;
        }
        if self.bindings.has(connection, place.member) {
            self.permit(cx, topic, ChannelAction::Changes).await?;
        }
        Ok(())
    }

    /// Puts a connection out of a channel, and tells it why.
    ///
    /// # Errors
    /// `NOT_FOUND` if it is not in it.
    pub fn expel(&self, connection: &str, topic: &str, why: &Error) -> Result<()> {
        let place = self.give_up(connection, topic, None).ok_or_else(not_joined)?;
        let mut json = String::from(r#"{"type":"closed","channel":"#);
        quote(topic, &mut json);
        json.push_str(r#","error":{"code":"#);
        quote(why.code(), &mut json);
        json.push_str(r#","message":"#);
        quote(why.message(), &mut json);
        json.push_str("}}");
        // Who has not joined yet learns it from the answer to that.
        if self.part(connection, &place) {
            hand(&*place.sink, &ChannelEvent::new(ChannelEventKind::Closed, &place.room.topic, json));
        }
        Ok(())
    }
}

fn gone() -> Error {
    Error::new(Code::Conflict, "this connection has left meanwhile")
}

/// A connection knows a channel by its name alone.
fn same(joined: &Topic, wanted: &Topic) -> Result<()> {
    if joined.is_private() == wanted.is_private() {
        return Ok(());
    }
    let which = if joined.is_private() { "private" } else { "public" };
    Err(Error::new(
        Code::Conflict,
        format!("this connection is in the {which} channel of this name: leave it first"),
    ))
}
