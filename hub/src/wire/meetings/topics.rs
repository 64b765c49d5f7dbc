//! Topics: proposed, commented on, decided, ordered, fixed, shown.

use std::sync::Arc;

use hub_core::{
    names::{MajorIssueName, Recipient, RequestId, TopicName},
    reason::Reason,
};
use hub_proto::{
    common::Receipt,
    ledger::event,
    meetings::{
        CommentOnTopicRequest, ConfirmTopicsRequest, DecideTopicRequest, FlagMajorIssueRequest,
        Meeting, OrderTopicsRequest, ProposeTopicRequest, Topic, TopicComment, TopicState,
        meetings_event::Kind,
    },
};

use super::{
    fields::Fields,
    lookup::{self, FoundMeeting},
    show,
};
use crate::{
    authz::{Access, Permit},
    charter::Action,
    domain::meetings::{
        meeting::{Act, Comment, Proposal, TopicDecision, topics},
        rows::{MajorIssueRow, TopicRow},
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    state::{keys, view::ViewExt as _},
    wire::{Call, Services, parse},
};

/// Longest text of a topic in characters.
const TEXT_CHARACTERS_MAX: usize = 8_000;
/// Longest comment in characters.
const COMMENT_CHARACTERS_MAX: usize = 1_000;
/// Longest reason in characters.
pub(super) const REASON_CHARACTERS_MAX: usize = 500;
/// Most documents of a topic.
const DOCUMENTS_MAX: usize = 10;

/// In whose name the caller proposes or comments: a unit of the meeting, or one of its offices.
fn actor(
    access: &Access,
    found: &FoundMeeting,
    field: &str,
    text: &str,
) -> Result<(Recipient, Permit)> {
    let actor = match text {
        "" => Recipient::Agency(access.agency().clone()),
        text => parse(field, text)?,
    };
    let permit = match &actor {
        Recipient::Agency(agency) if agency == access.agency() => {
            access.act_as_unit(&found.units(), Action::MeetingsParticipate)?
        }
        Recipient::Agency(_) => {
            let own = access.agency();
            let message = format!("{field}: agencies/{own} cannot act for {actor}");
            return Err(Error::new(Reason::PermissionDenied, message));
        }
        Recipient::Office(mechanism) => {
            let permit = access.convene(std::slice::from_ref(mechanism))?;
            if !found.mechanisms().contains(mechanism) {
                return Err(Error::field(field, "must be an office of the meeting"));
            }
            permit
        }
    };
    Ok((actor, permit))
}

impl Services {
    pub(super) async fn propose_a_topic(
        &self,
        call: Call,
        access: &Access,
        request: &ProposeTopicRequest,
    ) -> Result<(Topic, Receipt)> {
        let found = self.find_meeting(access, "parent", &request.parent)?;
        let (proposer, permit) = actor(access, &found, "proposer", &request.proposer)?;
        let topic = request.topic.clone().unwrap_or_default();
        let major_issue = check_topic(&topic)?;
        let files = topic.documents.iter().enumerate();
        let files = files.map(|(number, file)| (format!("topic.documents[{number}]"), file));
        let pins = self.claim_files(access, files.collect()).await?;
        let act = Act::Propose(Box::new(Proposal {
            proposer,
            title: topic.title.clone(),
            text: topic.text.clone(),
            documents: topic.documents.clone(),
            major_issue,
        }));
        let given = ("", &*request.request_id);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.settle_attachments(access, pins).await;
        let topic = proposed(&entry)?;
        self.topic_after(
            access,
            TopicName {
                meeting: found.name,
                topic,
            },
            &entry,
        )
    }

    pub(super) async fn comment(
        &self,
        call: Call,
        access: &Access,
        request: &CommentOnTopicRequest,
    ) -> Result<(Topic, Receipt)> {
        let (name, found) = self.find_topic(access, &request.name)?;
        let (author, permit) = actor(access, &found, "author", &request.author)?;
        let mut fields = Fields::default();
        fields.text("text", &request.text, 1, COMMENT_CHARACTERS_MAX);
        fields.finish()?;
        let act = Act::Comment(Comment {
            topic: name.topic,
            title: self.topic_title(name)?,
            author,
            text: request.text.clone(),
        });
        let given = ("", &*request.request_id);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.topic_after(access, name, &entry)
    }

    pub(super) async fn decide_a_topic(
        &self,
        call: Call,
        access: &Access,
        request: &DecideTopicRequest,
    ) -> Result<(Topic, Receipt)> {
        let (name, found) = self.find_topic(access, &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let merged_into = check_decision(name, request)?;
        let act = Act::Decide(TopicDecision {
            topic: name.topic,
            title: self.topic_title(name)?,
            state: request.decision(),
            merged_into,
            reason: request.reason.clone(),
        });
        let given = ("", &*request.request_id);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.topic_after(access, name, &entry)
    }

    pub(super) async fn order(
        &self,
        call: Call,
        access: &Access,
        request: &OrderTopicsRequest,
    ) -> Result<(Vec<Topic>, Receipt)> {
        let found = self.find_meeting(access, "parent", &request.parent)?;
        let permit = access.convene(&found.mechanisms())?;
        let mut fields = Fields::default();
        let mut numbers = vec![];
        for (place, name) in request.topics.iter().take(max_topics()).enumerate() {
            let field = format!("topics[{place}]");
            match fields.parsed::<TopicName>(&field, name) {
                Some(name) if name.meeting == found.name => numbers.push(name.topic),
                Some(_) => fields.broken(&field, "must be a topic of the meeting"),
                None => {}
            }
        }
        let rule = format!("must be at most {}", topics::TOPICS_MAX);
        fields.require(request.topics.len() <= max_topics(), "topics", rule);
        fields.finish()?;
        let given = ("", &*request.request_id);
        let act = Act::Order(numbers);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        let found = lookup::meeting(&self.engine, access, found.name)?;
        let mut accepted = self.list_of_topics(&found)?;
        accepted.retain(|topic| topic.order > 0);
        Ok((accepted, entry.receipt()))
    }

    pub(super) async fn fix_topics(
        &self,
        call: Call,
        access: &Access,
        request: &ConfirmTopicsRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let mut titles = vec![];
        for topic in 1..=found.row.topics_count {
            let name = TopicName {
                meeting: found.name,
                topic,
            };
            titles.push((topic, self.topic_title(name)?));
        }
        let given = (&*request.etag, &*request.request_id);
        let act = Act::ConfirmTopics(titles);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.shown_meeting(access, found.name, &entry)
    }

    /// A topic that the caller may see, and its meeting.
    pub(super) fn find_topic(
        &self,
        access: &Access,
        name: &str,
    ) -> Result<(TopicName, FoundMeeting)> {
        let topic: TopicName = parse("name", name)?;
        let not_found = |error: Error| match error.reason {
            Reason::NotFound => Error::not_found(name),
            _ => error,
        };
        let found = lookup::meeting(&self.engine, access, topic.meeting).map_err(not_found)?;
        topics::read(self.engine.store(), topic)?;
        Ok((topic, found))
    }

    fn topic_after(
        &self,
        access: &Access,
        name: TopicName,
        entry: &Recorded,
    ) -> Result<(Topic, Receipt)> {
        let found = lookup::meeting(&self.engine, access, name.meeting)?;
        Ok((self.shown_topic(&found, name)?, entry.receipt()))
    }

    fn topic_title(&self, name: TopicName) -> Result<String> {
        let row = topics::read(self.engine.store(), name)?;
        Ok(written(&self.engine, name, &row)?.title)
    }

    /// A topic with its text and comments.
    pub(super) fn shown_topic(&self, found: &FoundMeeting, name: TopicName) -> Result<Topic> {
        let row = topics::read(self.engine.store(), name)?;
        let mut shown = listed(&self.engine, found, name, &row)?;
        let written = written(&self.engine, name, &row)?;
        shown.text = written.text;
        shown.documents = written.documents;
        for comment in &row.comments {
            let act = comment.act.as_ref();
            let request: CommentOnTopicRequest = lookup::request(&self.engine, act)?;
            shown.comments.push(TopicComment {
                author: comment.author.clone(),
                officer: act.map(|act| act.officer.clone()).unwrap_or_default(),
                text: request.text,
                commented_at: show::at(act),
            });
        }
        Ok(shown)
    }

    /// The topics of a meeting: accepted ones in their order, then the others by number.
    pub(super) fn list_of_topics(&self, found: &FoundMeeting) -> Result<Vec<Topic>> {
        let store = self.engine.store();
        let mut listing = vec![];
        for (topic, row) in topics::all(store, found.name.0.as_bytes(), &found.row)? {
            let name = TopicName {
                meeting: found.name,
                topic,
            };
            listing.push(listed(&self.engine, found, name, &row)?);
        }
        listing.sort_by_key(|topic| (topic.order == 0, topic.order));
        Ok(listing)
    }
}

fn max_topics() -> usize {
    usize::try_from(topics::TOPICS_MAX).unwrap_or(usize::MAX)
}

/// The number of the topic that an entry brought.
fn proposed(entry: &Arc<Recorded>) -> Result<u32> {
    let mut kinds = entry.events.iter().filter_map(|event| match &event.kind {
        Some(event::Kind::Meetings(event)) => event.kind.as_ref(),
        _ => None,
    });
    kinds
        .find_map(|kind| match kind {
            Kind::TopicProposed(event) => Some(event.topic),
            _ => None,
        })
        .ok_or_else(|| Error::internal("an entry that proposed a topic has none"))
}

fn check_topic(topic: &Topic) -> Result<Option<MajorIssueName>> {
    let mut fields = Fields::default();
    let written = Topic {
        title: topic.title.clone(),
        text: topic.text.clone(),
        documents: topic.documents.clone(),
        major_issue: topic.major_issue.clone(),
        ..Topic::default()
    };
    fields.require(
        written == *topic,
        "topic",
        "output-only fields must be empty",
    );
    fields.line(
        "topic.title",
        &topic.title,
        1,
        super::create::TITLE_CHARACTERS_MAX,
    );
    fields.text("topic.text", &topic.text, 0, TEXT_CHARACTERS_MAX);
    fields.documents("topic.documents", &topic.documents, DOCUMENTS_MAX);
    let major_issue = match topic.major_issue.as_str() {
        "" => None,
        name => fields.parsed("topic.major_issue", name),
    };
    fields.finish()?;
    Ok(major_issue)
}

/// Checks a decision; answers the number of the topic that it merges into, or 0.
fn check_decision(name: TopicName, request: &DecideTopicRequest) -> Result<u32> {
    let mut fields = Fields::default();
    let decision = request.decision();
    let is_decision = matches!(
        decision,
        TopicState::Accepted | TopicState::Declined | TopicState::Merged
    );
    let rule = "must be TOPIC_STATE_ACCEPTED, TOPIC_STATE_DECLINED or TOPIC_STATE_MERGED";
    fields.require(is_decision, "decision", rule);
    let min = usize::from(decision != TopicState::Accepted);
    fields.text("reason", &request.reason, min, REASON_CHARACTERS_MAX);
    let mut merged_into = 0;
    if decision == TopicState::Merged {
        match fields.parsed::<TopicName>("merged_into", &request.merged_into) {
            Some(into) if into.meeting == name.meeting => merged_into = into.topic,
            Some(_) => fields.broken("merged_into", "must be a topic of the same meeting"),
            None => {}
        }
    } else {
        let rule = "must be empty unless the topic is merged";
        fields.require(request.merged_into.is_empty(), "merged_into", rule);
    }
    fields.finish()?;
    Ok(merged_into)
}

/// What whoever proposed a topic wrote. A topic that a disposition made says what the issue says.
fn written(engine: &Engine, name: TopicName, row: &TopicRow) -> Result<Topic> {
    let Some(act) = &row.proposed else {
        return Ok(Topic::default());
    };
    let entry = lookup::entry(engine, act)?;
    let mut topic = if entry.header.method.ends_with("/ProposeTopic") {
        let request: ProposeTopicRequest = lookup::request(engine, Some(act))?;
        request.topic.unwrap_or_default()
    } else {
        let issue: Option<MajorIssueRow> = engine
            .store()
            .message(&keys::major_issue(&row.major_issue))?;
        let flagged = issue.and_then(|issue| issue.flagged);
        let request: FlagMajorIssueRequest = lookup::request(engine, flagged.as_ref())?;
        let issue = request.major_issue.unwrap_or_default();
        Topic {
            title: issue.title,
            text: issue.text,
            documents: issue.documents,
            ..Topic::default()
        }
    };
    topic.notification = told(&entry, &name.to_string());
    Ok(topic)
}

/// The name of the notification by which an entry told of a resource; empty when it did not.
pub(in crate::wire) fn told(entry: &Recorded, resource: &str) -> String {
    entry
        .notifications()
        .iter()
        .find(|(_, notification)| notification.resource == resource)
        .map(|(_, notification)| notification.name.clone())
        .unwrap_or_default()
}

/// A topic without text, documents and comments.
fn listed(engine: &Engine, found: &FoundMeeting, name: TopicName, row: &TopicRow) -> Result<Topic> {
    let proposed = row.proposed.as_ref();
    let place = found
        .row
        .agenda
        .iter()
        .position(|topic| *topic == name.topic);
    let written = written(engine, name, row)?;
    let reason = match &row.decided {
        Some(act)
            if lookup::entry(engine, act)?
                .header
                .method
                .ends_with("/DecideTopic") =>
        {
            lookup::request::<DecideTopicRequest>(engine, Some(act))?.reason
        }
        _ => String::new(),
    };
    let merged_into = (row.merged_into > 0).then(|| {
        let (meeting, topic) = (name.meeting, row.merged_into);
        TopicName { meeting, topic }.to_string()
    });
    let issue = <[u8; 16]>::try_from(row.major_issue.as_slice()).ok();
    let issue = issue.and_then(RequestId::from_bytes).map(MajorIssueName);
    Ok(Topic {
        name: name.to_string(),
        title: written.title,
        major_issue: issue.map(|issue| issue.to_string()).unwrap_or_default(),
        proposer: row.proposer.clone(),
        officer: proposed.map(|act| act.officer.clone()).unwrap_or_default(),
        proposed_at: show::at(proposed),
        state: row.state,
        order: place.map_or(0, |place| i32::try_from(place).unwrap_or(i32::MAX - 1) + 1),
        merged_into: merged_into.unwrap_or_default(),
        reason,
        comment_count: i32::try_from(row.comments.len()).unwrap_or(i32::MAX),
        notification: written.notification,
        ..Topic::default()
    })
}
