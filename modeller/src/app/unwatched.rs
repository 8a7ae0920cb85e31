//! An application that nobody watches: the feature `live` is off.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::StartError;
use crate::doors::http::HttpDoor;
use crate::doors::openapi;
use crate::engine::Engine;
use crate::registry::Registry;

/// Nothing can be set.
#[derive(Default)]
pub(super) struct Watch {}

/// There is nothing.
pub(super) struct Watched;

/// Nobody has to be told.
#[derive(Clone)]
pub(super) struct Ending;

impl Watch {
    pub(super) fn most(&self) -> usize {
        0
    }

    pub(super) fn limit(&mut self, _most: usize) {}

    pub(super) fn equip(&self, _engine: &Engine) {}

    pub(super) fn check(&self, _registry: &Registry) -> Result<(), StartError> {
        Ok(())
    }

    pub(super) fn lines(&self, _registry: &Registry) -> Vec<String> {
        Vec::new()
    }

    pub(super) fn describe(&self, _registry: &Registry) -> Map<String, Json> {
        Map::new()
    }

    pub(super) fn start(&self, _engine: &Arc<Engine>) -> Result<(), StartError> {
        Ok(())
    }

    pub(super) fn open(&self, _engine: &Arc<Engine>) -> Watched {
        Watched
    }

    pub(super) fn pages(&self) -> Vec<openapi::Page> {
        Vec::new()
    }

    pub(super) fn document(&self, _registry: &Registry, _about: &openapi::About) -> Option<Json> {
        None
    }

    pub(super) fn doors(self, _watched: &Watched, _about: openapi::About, door: HttpDoor) -> HttpDoor {
        door
    }
}

impl Watched {
    pub(super) fn set_port(&self, _port: u16) {}

    pub(super) fn ending(&self) -> Ending {
        Ending
    }
}

impl Ending {
    pub(super) async fn come(self) {}
}
