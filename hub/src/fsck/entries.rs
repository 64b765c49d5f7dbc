//! What entries say: that header and content belong together, and that whoever is named as the
//! author signed them, with a certificate that was enrolled and not yet revoked.
//!
//! Only entries themselves are believed: certificates come from the enrolments of earlier entries.

use std::collections::HashMap;

use hub_core::{
    commitment::{commitment, events_hash},
    crypto::{Digest, Salt, VerifyingKey, sha256},
};
use hub_proto::{
    ledger::{Author, Event, event},
    members::members_event,
};

use super::seals::SealCheck;
use crate::{
    authz::HUB_AGENCY,
    domain::sealing,
    engine::recorded::{ENTRY_FORMAT, Recorded},
    ledger::StoredEntry,
};

/// Methods of the hub's own acts begin with this.
const HUB_METHODS: &str = "/hub.system.v1/";

/// A certificate that an earlier entry enrolled.
#[derive(Debug)]
struct Node {
    agency: String,
    node: String,
    key: Option<VerifyingKey>,
    revoked_by: Option<u64>,
}

/// Checks entries in order.
#[derive(Debug)]
pub(super) struct EntryCheck {
    hub_key: VerifyingKey,
    nodes: HashMap<Digest, Node>,
    recorded_at_us: i64,
    pub(super) author_signatures: u64,
    pub(super) hub_signatures: u64,
    pub(super) seals: SealCheck,
}

impl EntryCheck {
    pub(super) fn new(hub_key: VerifyingKey) -> Self {
        Self {
            hub_key,
            nodes: HashMap::new(),
            recorded_at_us: i64::MIN,
            author_signatures: 0,
            hub_signatures: 0,
            seals: SealCheck::default(),
        }
    }

    /// What is wrong with an entry, and the entry itself if it can be read.
    pub(super) fn check(
        &mut self,
        index: u64,
        stored: &StoredEntry,
    ) -> (Vec<String>, Option<Recorded>) {
        let entry = match Recorded::from_stored(stored) {
            Ok(entry) => entry,
            Err(error) => return (vec![error.context.unwrap_or(error.message)], None),
        };
        let mut wrong = vec![];
        self.header(index, &entry, &mut wrong);
        content(&entry, &mut wrong);
        wrong.extend(self.seals.check(index, &entry));
        match &entry.header.author {
            None => wrong.push("the header names no author".to_owned()),
            Some(author) => {
                let signed = if author.agency == HUB_AGENCY {
                    self.hub(author, &entry)
                } else {
                    self.author(author, &entry)
                };
                wrong.extend(signed.err());
            }
        }
        for event in &entry.events {
            self.learn(index, event);
        }
        (wrong, Some(entry))
    }

    fn header(&mut self, index: u64, entry: &Recorded, wrong: &mut Vec<String>) {
        let header = &entry.header;
        if header.format != ENTRY_FORMAT {
            wrong.push(format!(
                "its format is {}, this release knows {ENTRY_FORMAT}",
                header.format
            ));
        }
        if header.index != index {
            wrong.push(format!("its header says that it is entry {}", header.index));
        }
        if header.recorded_at_us < self.recorded_at_us {
            wrong.push("it was recorded before the entry in front of it".to_owned());
        }
        self.recorded_at_us = self.recorded_at_us.max(header.recorded_at_us);
    }

    /// An act of the hub itself: signed with the ledger key over an empty request.
    fn hub(&mut self, author: &Author, entry: &Recorded) -> Result<(), String> {
        let is_own = author.node.is_empty()
            && author.certificate_sha256.is_empty()
            && author.officer.is_empty()
            && author.role.is_empty()
            && entry.content.request.is_empty()
            && entry.header.method.starts_with(HUB_METHODS);
        if !is_own {
            return Err("it is no act of the hub's own, but names the hub as its author".into());
        }
        self.hub_key
            .verify(&entry.header.commitment, &entry.header.author_signature)
            .map_err(|_| "the ledger key has not signed its commitment".to_owned())?;
        self.hub_signatures = self.hub_signatures.saturating_add(1);
        Ok(())
    }

    fn author(&mut self, author: &Author, entry: &Recorded) -> Result<(), String> {
        let fingerprint = Digest::try_from(&*author.certificate_sha256)
            .map_err(|_| "the header names no certificate of its author".to_owned())?;
        let node = self
            .nodes
            .get(&fingerprint)
            .ok_or("no earlier entry enrolled its author's certificate")?;
        if (&node.agency, &node.node) != (&author.agency, &author.node) {
            return Err(format!(
                "it names {}/{} as its author, but the certificate is that of {}/{}",
                author.agency, author.node, node.agency, node.node
            ));
        }
        if let Some(by) = node.revoked_by {
            return Err(format!("entry {by} had revoked its author's certificate"));
        }
        let key = node
            .key
            .as_ref()
            .ok_or("its author's certificate has no key that can be read")?;
        key.verify(&entry.header.commitment, &entry.header.author_signature)
            .map_err(|_| "its author's certificate has not signed its commitment".to_owned())?;
        self.author_signatures = self.author_signatures.saturating_add(1);
        Ok(())
    }

    /// Takes in what an entry says about certificates; it counts from the next entry on.
    fn learn(&mut self, index: u64, event: &Event) {
        let Some(event::Kind::Members(event)) = &event.kind else {
            return;
        };
        match &event.kind {
            Some(members_event::Kind::NodeEnrolled(enrolled)) => {
                self.nodes
                    .entry(sha256(&[&enrolled.certificate]))
                    .or_insert_with(|| Node {
                        agency: enrolled.agency.clone(),
                        node: enrolled.node.clone(),
                        key: VerifyingKey::from_certificate(&enrolled.certificate).ok(),
                        revoked_by: None,
                    });
            }
            Some(members_event::Kind::NodeRevoked(revoked)) => {
                let fingerprint = Digest::try_from(&*revoked.certificate_sha256).ok();
                let node = fingerprint.and_then(|fingerprint| self.nodes.get_mut(&fingerprint));
                if let Some(node) = node {
                    node.revoked_by.get_or_insert(index);
                }
            }
            _ => {}
        }
    }
}

/// Holds the content against what the header commits to, or what stayed of it once sealed.
fn content(entry: &Recorded, wrong: &mut Vec<String>) {
    let content = &entry.content;
    if entry.is_sealed() {
        let broken = sealing::contradictions(content, &entry.events);
        wrong.extend(broken.into_iter().map(str::to_owned));
        if !content.event_salt.is_empty() {
            events(entry, wrong);
        }
        return;
    }
    if content.sealed_by > 0 || !content.request_ids.is_empty() {
        wrong.push("it is not sealed, but its content says so".to_owned());
    }
    events(entry, wrong);
    request(entry, wrong);
}

fn events(entry: &Recorded, wrong: &mut Vec<String>) {
    let (header, content) = (&entry.header, &entry.content);
    match Salt::try_from(&*content.event_salt) {
        Err(_) => wrong.push("the salt of its events is not 16 bytes".to_owned()),
        Ok(salt) if events_hash(&salt, &content.events)[..] != header.events_hash[..] => {
            wrong.push("its events are not those that the header's hash was made over".to_owned());
        }
        Ok(_) => {}
    }
}

fn request(entry: &Recorded, wrong: &mut Vec<String>) {
    let (header, content) = (&entry.header, &entry.content);
    match Salt::try_from(&*content.author_salt) {
        Err(_) => wrong.push("the salt of its commitment is not 16 bytes".to_owned()),
        Ok(salt)
            if commitment(&salt, &header.method, &content.request)[..] != header.commitment[..] =>
        {
            wrong.push("its request is not the one that its author committed to".to_owned());
        }
        Ok(_) => {}
    }
}
