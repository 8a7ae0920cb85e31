//! Nothing that the door reads is missing in what it says of itself.

use std::collections::BTreeSet;

use super::*;
use crate::doors::sample;
use crate::registry::Registry;

fn described(registry: &Registry, has_rules: bool) -> (BTreeSet<String>, Protocol) {
    let protocol = protocol(&mut Catalog::new(registry), has_rules);
    let keys = protocol.channels[0].heard.iter().map(|exchange| exchange.message.key.clone());
    (keys.collect(), protocol)
}

#[test]
fn every_operation_is_described_for_every_model_that_offers_it() {
    // RWS-05
    let registry = sample::registry();
    let (keys, _) = described(&registry, true);
    for &shape in registry.models() {
        for known in ON_MODELS {
            let key = format!("store.{}.{}", known.name, shape.path);
            assert_eq!(keys.contains(&key), known.operation.is_offered(shape), "{key}");
        }
    }
    let begins = |name: &str| keys.iter().any(|key| key == name || key.starts_with(&format!("{name}.")));
    // Of methods there are none among these models.
    for other in OTHERS.iter().filter(|other| other.name != "store.call") {
        assert!(begins(other.name), "{}", other.name);
    }
    for operation in CHANNEL_OPERATIONS {
        assert!(keys.contains(&format!("channel.{operation}")), "{operation}");
    }
    for operation in RULE_OPERATIONS {
        assert!(keys.contains(&format!("rules.{operation}")), "{operation}");
    }
}

#[test]
fn every_member_that_an_operation_takes_is_described() {
    let registry = sample::registry();
    let (_, protocol) = described(&registry, true);
    for known in ON_MODELS {
        let name = format!("store.{}", known.name);
        let of_name = protocol.channels[0].heard.iter().filter(|exchange| exchange.message.name == name);
        let text: String = of_name.map(|exchange| exchange.message.payload.to_string()).collect();
        for (here, _) in known.takes {
            assert!(text.contains(&format!("\"{here}\":")), "{name} takes `{here}`");
        }
    }
}

#[test]
fn without_rules_nothing_is_said_of_them() {
    let registry = sample::registry();
    let (keys, protocol) = described(&registry, false);
    assert!(!keys.iter().any(|key| key.starts_with(RULES)));
    assert!(protocol.channels[0].said.iter().all(|message| message.key != "push.event"));
}

#[test]
fn every_code_of_the_protocol_is_named() {
    // RWS-12
    let error = error().payload.to_string();
    for code in codes::ALL {
        assert!(error.contains(&format!("\"{code}\"")), "{code}");
    }
}
