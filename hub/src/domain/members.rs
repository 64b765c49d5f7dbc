//! The roster: memberships, liaisons, nodes and token keys, all dated, never a plain yes or no.
//!
//! Invariants: a unit has at most one liaison at a time in a mechanism (JE-027); terms never
//! change the past; a revoked certificate or key never comes back.

pub mod roster;
pub mod rows;

use hub_core::{
    crypto::{Digest, hex, sha256},
    date,
    document_number::DocumentNumber,
    names::{AgencyId, MechanismId, NodeId, OfficerId, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::{Classification, Notification},
    ledger::Event,
    members::{
        CharterAdopted, Liaison, LiaisonAppointed, MembersEvent, MembershipAdded, NodeEnrolled,
        NodeRevoked, Rank, TokenKeyEnrolled, TokenKeyRevoked, members_event::Kind,
    },
};
use jiff::{ToSpan as _, civil::Date};

use self::rows::{LiaisonRow, MembershipRow, NodeRow, TokenKeyRow};
use super::{Context, Decision, EntryMeta, channels, members_event};
use crate::{
    authz::Permit,
    charter::{AdditionBasis, LiaisonRank, Mechanism, Period},
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// How far ahead a liaison can be appointed, in days.
pub const LIAISON_AHEAD_DAYS_MAX: i32 = 366;

/// A change of the roster.
#[derive(Debug, Clone)]
pub enum Command {
    /// Add a member.
    AddMembership(AddMembership),
    /// Name or change a liaison.
    AppointLiaison(AppointLiaison),
    /// Enrol a certificate.
    EnrollNode {
        /// Whose.
        agency: AgencyId,
        /// Which node.
        node: NodeId,
        /// DER.
        certificate: Vec<u8>,
    },
    /// Revoke a certificate.
    RevokeNode {
        /// Whose.
        agency: AgencyId,
        /// SHA-256 of its DER.
        fingerprint: Digest,
        /// Why.
        reason: String,
    },
    /// Enrol a token key.
    EnrollTokenKey {
        /// Whose.
        agency: AgencyId,
        /// Key id.
        kid: String,
        /// Public JWK as JSON.
        jwk: String,
    },
    /// Revoke a token key.
    RevokeTokenKey {
        /// Whose.
        agency: AgencyId,
        /// Key id.
        kid: String,
        /// Why.
        reason: String,
    },
    /// Put a charter in force; an act of the hub's operator (JE-002).
    AdoptCharter {
        /// The whole file.
        text: String,
    },
}

/// A member to be added.
#[derive(Debug, Clone)]
pub struct AddMembership {
    /// To which mechanism.
    pub mechanism: MechanismId,
    /// Who.
    pub agency: AgencyId,
    /// When.
    pub period: Period,
    /// On what it rests.
    pub basis: Basis,
}

/// What an added membership rests on.
#[derive(Debug, Clone)]
pub enum Basis {
    /// An enforcement case (JE-014).
    Case(String),
    /// A decision of the leading group (FS-013).
    LeadingGroupDecision(DocumentNumber),
}

/// A liaison to be appointed.
#[derive(Debug, Clone)]
pub struct AppointLiaison {
    /// In which mechanism.
    pub mechanism: MechanismId,
    /// Who.
    pub officer: OfficerId,
    /// Name in the directory.
    pub display_name: String,
    /// Rank.
    pub rank: Rank,
    /// Why another rank than the charter's.
    pub rank_override_reason: String,
    /// First day.
    pub from_on: Date,
    /// Whom it replaces.
    pub replaces: Option<OfficerId>,
}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it.
pub fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    let events = match command {
        Command::AddMembership(command) => add_membership(context, view, command)?,
        Command::AppointLiaison(command) => {
            appoint_liaison(context, view, permit.agency(), command)?
        }
        Command::EnrollNode {
            agency,
            node,
            certificate,
        } => {
            vec![enroll_node(view, agency, node, certificate)?]
        }
        Command::RevokeNode {
            agency,
            fingerprint,
            reason,
        } => {
            vec![revoke_node(view, agency, fingerprint, reason)?]
        }
        Command::EnrollTokenKey { agency, kid, jwk } => vec![enroll_key(view, agency, kid, jwk)?],
        Command::RevokeTokenKey {
            agency,
            kid,
            reason,
        } => {
            vec![revoke_key(view, agency, kid, reason)?]
        }
        Command::AdoptCharter { text } => {
            vec![members_event(Kind::CharterAdopted(CharterAdopted {
                charter_sha256: sha256(&[text.as_bytes()]).to_vec().into(),
                charter: text.clone().into_bytes().into(),
            }))]
        }
    };
    Ok(Decision::Record(events))
}

fn mechanism<'a>(context: &Context<'a>, id: &MechanismId) -> Result<&'a Mechanism> {
    context
        .charter
        .mechanism(id)
        .ok_or_else(|| Error::not_found(&format!("mechanisms/{id}")))
}

fn add_membership(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    command: &AddMembership,
) -> Result<Vec<Event>> {
    let mechanism = mechanism(context, &command.mechanism)?;
    let rule = mechanism.membership_addition();
    let basis = match (rule.basis, &command.basis) {
        (AdditionBasis::Case, Basis::Case(case)) => case.clone(),
        (AdditionBasis::LeadingGroupDecision, Basis::LeadingGroupDecision(number)) => {
            number.to_string()
        }
        (needed, _) => {
            let field = match needed {
                AdditionBasis::Case => "case_reference",
                AdditionBasis::LeadingGroupDecision => "leading_group_decision",
            };
            return Err(Error::new(
                Reason::MembershipBasisMissing,
                format!(
                    "{field}: a member of {} is added on this basis only ({})",
                    mechanism.name(),
                    rule.source
                ),
            ));
        }
    };
    if command
        .period
        .from_on
        .is_none_or(|from_on| from_on < context.today())
    {
        return Err(Error::field(
            "from_on",
            "must be today or later: the past does not change",
        ));
    }
    let is_charter_member = mechanism
        .member(&command.agency)
        .is_some_and(|member| member.period.overlaps(&command.period));
    let row: Option<MembershipRow> =
        view.message(&keys::membership(&command.mechanism, &command.agency))?;
    let is_added = row.is_some_and(|row| {
        row.terms
            .iter()
            .any(|term| term.period().overlaps(&command.period))
    });
    if is_charter_member || is_added {
        return Err(Error::new(
            Reason::MembershipExists,
            format!(
                "agencies/{} is a member of mechanisms/{} then",
                command.agency, command.mechanism
            ),
        ));
    }
    Ok(vec![members_event(Kind::MembershipAdded(
        MembershipAdded {
            mechanism: command.mechanism.to_string(),
            agency: command.agency.to_string(),
            from_on: command.period.from_on.map(date::to_wire),
            until_on: command.period.until_on.map(date::to_wire),
            basis,
        },
    ))])
}

fn appoint_liaison(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    command: &AppointLiaison,
) -> Result<Vec<Event>> {
    let mechanism = mechanism(context, &command.mechanism)?;
    check_rank(mechanism, command)?;
    if command.from_on < context.today() {
        return Err(Error::field(
            "liaison.from_on",
            "must be today or later: the past does not change",
        ));
    }
    let horizon = context
        .today()
        .saturating_add(LIAISON_AHEAD_DAYS_MAX.days());
    if command.from_on > horizon {
        let rule = format!("must be at most {LIAISON_AHEAD_DAYS_MAX} days ahead, until {horizon}");
        return Err(Error::field("liaison.from_on", rule));
    }
    let key = keys::liaison(&command.mechanism, agency);
    let terms = view.message::<LiaisonRow>(&key)?.unwrap_or_default();
    let replaced = check_replaced(&terms, command)?;
    let liaison = Liaison {
        officer: command.officer.to_string(),
        display_name: command.display_name.clone(),
        rank: command.rank.into(),
        rank_override_reason: command.rank_override_reason.clone(),
        from_on: Some(date::to_wire(command.from_on)),
        until_on: None,
    };
    let notice = liaison_notice(context, mechanism, agency, replaced, command);
    let office = [Recipient::Office(command.mechanism.clone())];
    let mut events = vec![members_event(Kind::LiaisonAppointed(LiaisonAppointed {
        mechanism: command.mechanism.to_string(),
        agency: agency.to_string(),
        liaison: Some(liaison),
    }))];
    let issue = channels::Issue::new(office, notice);
    events.extend(channels::issue(context, view, &[issue])?);
    Ok(events)
}

fn check_rank(mechanism: &Mechanism, command: &AppointLiaison) -> Result<()> {
    let rule = mechanism.liaison();
    let is_right = rule.rank != LiaisonRank::Division || command.rank == Rank::Division;
    if is_right {
        return Ok(());
    }
    if !rule.is_rank_override_allowed {
        return Err(Error::field(
            "liaison.rank",
            format!(
                "must be RANK_DIVISION, a division-level cadre 处级干部 ({})",
                rule.source
            ),
        ));
    }
    if command.rank_override_reason.is_empty() {
        return Err(Error::field(
            "liaison.rank_override_reason",
            format!(
                "must say why the liaison is no division-level cadre 处级干部 ({})",
                rule.source
            ),
        ));
    }
    Ok(())
}

/// The liaison whose term ends with the appointment, if the caller named the right one. A term that
/// has not begun by then is void.
fn check_replaced<'a>(
    terms: &'a LiaisonRow,
    command: &AppointLiaison,
) -> Result<Option<&'a Liaison>> {
    let open = terms
        .terms
        .iter()
        .rfind(|term| rows::liaison_period(term).until_on.is_none());
    match (open, &command.replaces) {
        (None, None) => Ok(None),
        (Some(open), Some(replaces)) if open.officer == replaces.as_str() => Ok(Some(open)),
        (Some(open), None) => Err(Error::new(
            Reason::LiaisonExists,
            format!(
                "the unit has a liaison, {}; a unit has one at a time (JE-027): name it in `replaces`",
                open.officer
            ),
        )),
        (Some(open), Some(_)) => Err(Error::new(
            Reason::LiaisonMismatch,
            format!(
                "replaces: the unit's liaison is {}; read again and retry",
                open.officer
            ),
        )),
        (None, Some(_)) => Err(Error::new(
            Reason::LiaisonMismatch,
            "replaces: the unit has no liaison; leave it empty",
        )),
    }
}

/// What the office is told of a change of liaison (JE-028).
fn liaison_notice(
    context: &Context<'_>,
    mechanism: &Mechanism,
    agency: &AgencyId,
    replaced: Option<&Liaison>,
    command: &AppointLiaison,
) -> Notification {
    let unit = context
        .charter
        .agency(agency)
        .map_or(agency.as_str(), |unit| unit.name_on(context.today()));
    let before = replaced.map_or("（无）".into(), |old| {
        format!("{}（{}）", old.display_name, old.officer)
    });
    let body = format!(
        "{mechanism}：{unit}联络员变更。\n原联络员：{before}\n现联络员：{name}（{officer}）\n起始日期：{from}\n",
        mechanism = mechanism.name(),
        name = command.display_name,
        officer = command.officer,
        from = command.from_on,
    );
    Notification {
        category: mechanism.liaison().change_category.to_string(),
        title: format!("{unit}联络员变更"),
        body: body.into_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        occurred_on: Some(date::to_wire(context.today())),
        ..Notification::default()
    }
}

fn enroll_node(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    node: &NodeId,
    certificate: &[u8],
) -> Result<Event> {
    let fingerprint = sha256(&[certificate]);
    if view.row(&keys::node(&fingerprint))?.is_some() {
        return Err(Error::new(
            Reason::AlreadyEnrolled,
            format!("certificate {} is enrolled already", hex(&fingerprint)),
        ));
    }
    Ok(members_event(Kind::NodeEnrolled(NodeEnrolled {
        agency: agency.to_string(),
        node: node.to_string(),
        certificate: certificate.to_vec().into(),
    })))
}

fn revoke_node(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    fingerprint: &Digest,
    reason: &str,
) -> Result<Event> {
    let row: Option<NodeRow> = view.message(&keys::node(fingerprint))?;
    let name = || format!("certificate {}", hex(fingerprint));
    let row = row.filter(|row| row.agency == agency.as_str());
    let row = row.ok_or_else(|| Error::not_found(&name()))?;
    if row.revoked_at_us != 0 {
        return Err(Error::new(
            Reason::AlreadyRevoked,
            format!("{} is revoked already", name()),
        ));
    }
    Ok(members_event(Kind::NodeRevoked(NodeRevoked {
        agency: agency.to_string(),
        certificate_sha256: fingerprint.to_vec().into(),
        reason: reason.into(),
    })))
}

fn enroll_key(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    kid: &str,
    jwk: &str,
) -> Result<Event> {
    if view.row(&keys::token_key(agency, kid))?.is_some() {
        return Err(Error::new(
            Reason::AlreadyEnrolled,
            format!("token key {kid} is enrolled already; a new key needs a new kid"),
        ));
    }
    Ok(members_event(Kind::TokenKeyEnrolled(TokenKeyEnrolled {
        agency: agency.to_string(),
        kid: kid.into(),
        jwk: jwk.into(),
    })))
}

fn revoke_key(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    kid: &str,
    reason: &str,
) -> Result<Event> {
    let row: Option<TokenKeyRow> = view.message(&keys::token_key(agency, kid))?;
    let row = row.ok_or_else(|| Error::not_found(&format!("agencies/{agency}/tokenKeys/{kid}")))?;
    if row.revoked_at_us != 0 {
        return Err(Error::new(
            Reason::AlreadyRevoked,
            format!("token key {kid} is revoked already"),
        ));
    }
    Ok(members_event(Kind::TokenKeyRevoked(TokenKeyRevoked {
        agency: agency.to_string(),
        kid: kid.into(),
        reason: reason.into(),
    })))
}

/// Applies an event.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &MembersEvent) -> Result<()> {
    match &event.kind {
        Some(Kind::MembershipAdded(event)) => rows::add_membership(rows, event),
        Some(Kind::LiaisonAppointed(event)) => rows::appoint_liaison(rows, event),
        Some(Kind::NodeEnrolled(event)) => {
            rows::enroll_node(rows, entry, event);
            Ok(())
        }
        Some(Kind::NodeRevoked(event)) => rows::revoke_node(rows, entry, event),
        Some(Kind::TokenKeyEnrolled(event)) => {
            rows::enroll_key(rows, entry, event);
            Ok(())
        }
        Some(Kind::TokenKeyRevoked(event)) => rows::revoke_key(rows, entry, event),
        Some(Kind::CharterAdopted(event)) => {
            rows.put(keys::charter(entry.index), event.charter_sha256.clone());
            Ok(())
        }
        None => Ok(()),
    }
}
