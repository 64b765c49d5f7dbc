//! Topics by correspondence: proposed, commented on, decided, put in an order, fixed (JE-072).

use hub_core::{
    names::{MajorIssueName, Recipient, TopicName},
    reason::Reason,
};
use hub_proto::{
    channels::Attachment,
    ledger::Event,
    meetings::{
        MeetingState, TopicCommented, TopicDecided, TopicProposed, TopicState, TopicsConfirmed,
        TopicsOrdered, meetings_event::Kind,
    },
};

use super::Subject;
use crate::{
    authz::Permit,
    domain::{
        Context,
        channels::{self, Issue},
        meetings::{
            event, issues, notices,
            rows::{MajorIssueRow, MeetingRow, TopicRow},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// Most topics of a meeting.
pub const TOPICS_MAX: u32 = 60;

/// Most comments on a topic.
pub const COMMENTS_MAX: usize = 100;

/// Most issues without a disposition that a refusal names.
const ISSUES_NAMED_MAX: usize = 5;

/// A topic that is proposed.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// In whose name.
    pub proposer: Recipient,
    /// Its title.
    pub title: String,
    /// What is to be discussed.
    pub text: String,
    /// Its documents.
    pub documents: Vec<Attachment>,
    /// The major issue that it comes from.
    pub major_issue: Option<MajorIssueName>,
}

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    /// On which topic.
    pub topic: u32,
    /// Its title, for the notice.
    pub title: String,
    /// In whose name.
    pub author: Recipient,
    /// What it says.
    pub text: String,
}

/// A decision on a topic.
#[derive(Debug, Clone)]
pub struct TopicDecision {
    /// On which.
    pub topic: u32,
    /// Its title, for the notice.
    pub title: String,
    /// Accepted, declined or merged.
    pub state: TopicState,
    /// The topic that it is merged into; 0 for none.
    pub merged_into: u32,
    /// Why.
    pub reason: String,
}

/// The row of a topic.
///
/// # Errors
/// NOT_FOUND when there is none.
pub fn read(view: &(impl View + ?Sized), name: TopicName) -> Result<TopicRow> {
    find(view, name.meeting.0.as_bytes(), name.topic)?
        .ok_or_else(|| Error::not_found(&name.to_string()))
}

fn find(view: &(impl View + ?Sized), meeting: &[u8], topic: u32) -> Result<Option<TopicRow>> {
    view.message(&keys::topic(meeting, topic))
}

/// Every topic of a meeting with its number.
///
/// # Errors
/// When storage fails.
pub fn all(
    view: &(impl View + ?Sized),
    meeting: &[u8],
    row: &MeetingRow,
) -> Result<Vec<(u32, TopicRow)>> {
    let numbers = 1..=row.topics_count;
    numbers
        .filter_map(|number| match find(view, meeting, number) {
            Ok(topic) => topic.map(|topic| Ok((number, topic))),
            Err(error) => Some(Err(error)),
        })
        .collect()
}

/// The event of a topic that comes to be as the next one of a meeting, and its number.
///
/// # Errors
/// When the meeting has [`TOPICS_MAX`] topics.
pub fn proposed(
    subject: (hub_core::names::MeetingName, &MeetingRow),
    proposer: &Recipient,
    officer: &str,
    major_issue: Option<MajorIssueName>,
    is_accepted: bool,
) -> Result<(u32, Event)> {
    let (meeting, row) = subject;
    if row.topics_count >= TOPICS_MAX {
        let rule = format!("has {TOPICS_MAX} topics, which is the most");
        return Err(Error::field("parent", rule));
    }
    let topic = row.topics_count.saturating_add(1);
    let event = event(Kind::TopicProposed(TopicProposed {
        meeting: meeting.0.as_bytes().to_vec().into(),
        topic,
        proposer: proposer.to_string(),
        officer: officer.to_owned(),
        major_issue: major_issue
            .map_or_else(Vec::new, |issue| issue.0.as_bytes().to_vec())
            .into(),
        is_accepted,
    }));
    Ok((topic, event))
}

pub(super) fn propose(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    proposal: &Proposal,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsOpen], "JE-072")?;
    if let Some(issue) = proposal.major_issue {
        own_issue(view, subject.row, issue, &proposal.proposer)?;
    }
    let (topic, event) = proposed(
        (subject.name, subject.row),
        &proposal.proposer,
        permit.officer().as_str(),
        proposal.major_issue,
        false,
    )?;
    let name = TopicName {
        meeting: subject.name,
        topic,
    };
    let by = notices::actor_name(context.charter, &proposal.proposer, subject.row);
    let title = format!("新提议题：{}", notices::quoted(&proposal.title));
    let lines = [
        ("会议", subject.title),
        ("议题", &proposal.title),
        ("提出单位", &by),
        ("内容", &proposal.text),
    ];
    let mut notice = notices::notice(&name.to_string(), &title, &lines);
    notice.attachments.clone_from(&proposal.documents);
    let told = notices::others(subject.row, &proposal.proposer);
    let mut events = vec![event];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

/// Refuses a major issue that the proposer may not see, as if there were none: a unit names its own,
/// an office any of its mechanism.
fn own_issue(
    view: &Overlay<'_>,
    row: &MeetingRow,
    issue: MajorIssueName,
    proposer: &Recipient,
) -> Result<()> {
    let found: Option<MajorIssueRow> = view.message(&keys::major_issue(issue.0.as_bytes()))?;
    let is_own = found.is_some_and(|found| {
        row.mechanisms.contains(&found.mechanism)
            && match proposer {
                Recipient::Agency(agency) => found.flagged_by == agency.as_str(),
                Recipient::Office(mechanism) => found.mechanism == mechanism.as_str(),
            }
    });
    if is_own {
        return Ok(());
    }
    let rule = "must be a major issue of the meeting's mechanism that you can see";
    Err(Error::field("topic.major_issue", rule))
}

pub(super) fn comment(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    comment: &Comment,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsOpen], "JE-072")?;
    let name = TopicName {
        meeting: subject.name,
        topic: comment.topic,
    };
    let row = read(view, name)?;
    if row.comments.len() >= COMMENTS_MAX {
        let rule = format!("has {COMMENTS_MAX} comments, which is the most");
        return Err(Error::field("name", rule));
    }
    let by = notices::actor_name(context.charter, &comment.author, subject.row);
    let title = format!("议题意见：{}", notices::quoted(&comment.title));
    let lines = [
        ("会议", subject.title),
        ("议题", &comment.title),
        ("发表单位", &by),
        ("意见", &comment.text),
    ];
    let notice = notices::notice(&name.to_string(), &title, &lines);
    let told = notices::others(subject.row, &comment.author);
    let mut events = vec![event(Kind::TopicCommented(TopicCommented {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        topic: comment.topic,
        author: comment.author.to_string(),
        officer: permit.officer().to_string(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

pub(super) fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    decision: &TopicDecision,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsOpen], "JE-072")?;
    let meeting = subject.name;
    let name = TopicName {
        meeting,
        topic: decision.topic,
    };
    let row = read(view, name)?;
    if decision.state != TopicState::Accepted {
        nothing_hangs_on(view, subject, decision, &row)?;
    }
    if decision.state == TopicState::Merged {
        let into = find(view, meeting.0.as_bytes(), decision.merged_into)?;
        let is_accepted = into.is_some_and(|into| into.state() == TopicState::Accepted);
        if !is_accepted || decision.merged_into == decision.topic {
            let rule = "must be another topic of the meeting that is accepted";
            return Err(Error::field("merged_into", rule));
        }
    }
    let mut events = vec![event(Kind::TopicDecided(TopicDecided {
        meeting: meeting.0.as_bytes().to_vec().into(),
        topic: decision.topic,
        state: decision.state.into(),
        merged_into: decision.merged_into,
    }))];
    let acting = notices::acting(context.charter, subject.row, permit);
    let proposer: Option<Recipient> = row.proposer.parse().ok();
    if let Some(proposer) = proposer.filter(|proposer| *proposer != acting) {
        let outcome = match decision.state {
            TopicState::Accepted => "列入议题",
            TopicState::Merged => "并入其他议题",
            _ => "不列入议题",
        };
        let title = format!("议题处理：{}{outcome}", notices::quoted(&decision.title));
        let lines = [
            ("会议", subject.title),
            ("议题", &decision.title),
            ("处理", outcome),
            ("理由", &decision.reason),
        ];
        let notice = notices::notice(&name.to_string(), &title, &lines);
        let issue = Issue::new(vec![proposer], notice);
        events.extend(channels::issue(context, view, &[issue])?);
    }
    Ok(events)
}

/// Refuses to take a topic off the agenda while others are merged into it, or while a major issue has
/// its disposition by it (JE-023).
fn nothing_hangs_on(
    view: &Overlay<'_>,
    subject: Subject<'_>,
    decision: &TopicDecision,
    row: &TopicRow,
) -> Result<()> {
    let meeting = subject.name.0.as_bytes();
    let merged: Vec<String> = all(view, meeting, subject.row)?
        .into_iter()
        .filter(|(_, other)| {
            other.state() == TopicState::Merged && other.merged_into == decision.topic
        })
        .map(|(number, _)| number.to_string())
        .collect();
    if !merged.is_empty() {
        let message = format!(
            "topic {} has topics {} merged into it; decide these first",
            decision.topic,
            merged.join(", ")
        );
        return Err(Error::new(Reason::MeetingState, message));
    }
    if decision.state != TopicState::Declined || row.major_issue.is_empty() {
        return Ok(());
    }
    let issue: Option<MajorIssueRow> = view.message(&keys::major_issue(&row.major_issue))?;
    let is_disposition =
        issue.is_some_and(|issue| issue.meeting == meeting && issue.topic == decision.topic);
    if is_disposition {
        let message = format!(
            "topic {} is a major issue's disposition (JE-023); give the issue another one first",
            decision.topic
        );
        return Err(Error::new(Reason::MeetingState, message));
    }
    Ok(())
}

pub(super) fn order(subject: Subject<'_>, topics: &[u32]) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsOpen], "JE-072")?;
    let sorted = |numbers: &[u32]| {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers
    };
    if sorted(topics) != sorted(&subject.row.agenda) {
        let rule = "must name every accepted topic once, and no other";
        return Err(Error::field("topics", rule));
    }
    Ok(vec![event(Kind::TopicsOrdered(TopicsOrdered {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        topics: topics.to_vec(),
    }))])
}

/// Issues by name; when there are many, the first ones and how many more there are.
fn some_of(issues: &[MajorIssueName]) -> String {
    let named = issues.iter().take(ISSUES_NAMED_MAX);
    let named: Vec<String> = named.map(ToString::to_string).collect();
    let named = named.join(", ");
    match issues.len().saturating_sub(ISSUES_NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Fixes the topics. `titles` are those of all topics, for the notice.
pub(super) fn confirm(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    titles: &[(u32, String)],
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsOpen], "JE-072")?;
    let refused = |message: String| Err(Error::new(Reason::MeetingState, message));
    let row = subject.row;
    let undecided: Vec<String> = all(view, subject.name.0.as_bytes(), row)?
        .into_iter()
        .filter(|(_, topic)| topic.state() == TopicState::Proposed)
        .map(|(number, _)| number.to_string())
        .collect();
    if !undecided.is_empty() {
        return refused(format!(
            "topics {} of {} are not decided: accept, decline or merge them first (JE-072)",
            undecided.join(", "),
            subject.name
        ));
    }
    if row.agenda.is_empty() {
        return refused(format!("{} has no accepted topic (JE-072)", subject.name));
    }
    for mechanism in row.mechanism_ids() {
        let waiting = issues::undisposed(view, &mechanism)?;
        if !waiting.is_empty() {
            return refused(format!(
                "major issues of mechanisms/{mechanism} have no disposition; put them on an agenda, \
                 escalate or close them first (JE-023): {}",
                some_of(&waiting)
            ));
        }
    }
    let agenda: Vec<String> = row
        .agenda
        .iter()
        .zip(1..)
        .map(|(topic, place)| {
            let title = titles.iter().find(|(number, _)| number == topic);
            format!("{place}. {}", title.map_or("", |(_, title)| title))
        })
        .collect();
    let title = format!("会议议题已确定：{}", notices::quoted(subject.title));
    let lines = [("会议", subject.title), ("议题", &agenda.join("；"))];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let acting = notices::acting(context.charter, row, permit);
    let told = notices::others(row, &acting);
    let mut events = vec![event(Kind::TopicsConfirmed(TopicsConfirmed {
        meeting: subject.name.0.as_bytes().to_vec().into(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}
