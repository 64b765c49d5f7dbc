//! `whoami` and `members`.

use std::path::Path;

use agency_client::ClientError;
use hub_core::{crypto::hex, date::to_wire};
use hub_proto::members::{
    AddMembershipRequest, Agency, AppointLiaisonRequest, Liaison, Mechanism, Membership,
    MembershipRole, Node, Rank, TokenKey, add_membership_request::Basis,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};

use crate::{
    Context,
    args::members::{
        AddArgs, AppointArgs, AsOf, KeysCommand, MembersCommand, NodesCommand, RankArg, RevokeArgs,
    },
    input, input_text,
    json::{self, date, instant},
    names::{Names, resource, time},
    output::{Done, Failure, Out},
    table::{Table, Tone, pairs},
};

pub(crate) async fn whoami(context: &Context) -> Done {
    let client = context.client()?;
    let who = client.members().who_am_i().await?;
    let out = context.out;
    let until_at = instant(who.certificate_expires_at.as_ref());
    if let Some(days) = until_at.and_then(|at| ends_soon(at, Timestamp::now())) {
        out.remark(
            format!(
                "the node's certificate ends within {days} days, and then the hub refuses it; ask \
                 the hub's operator for a new one now"
            ),
            format!(
                "节点证书将在 {days} 天内到期，到期后中枢将拒绝连接；请立即向中枢运维申请新证书"
            ),
        );
    }
    if out.json {
        return out.value(&json!({
            "agency": who.agency.as_ref().map(json::agency),
            "node": who.node,
            "officer": who.officer,
            "roles": who.roles,
            "mechanisms": who.mechanisms,
            "token_expires_at": json::at(who.token_expires_at.as_ref()),
            "certificate_expires_at": json::at(who.certificate_expires_at.as_ref()),
            "certificate_sha256": hex(&client.certificate_sha256()),
            "endpoint": client.endpoint(),
        }));
    }
    let names = Names::fetch(&client).await;
    let agency = who.agency.unwrap_or_default();
    let mechanisms: Vec<String> = who.mechanisms.iter().map(|name| names.show(name)).collect();
    out.text(pairs(&[
        (out.label("agency", "单位"), with_name(&agency)),
        (out.label("node", "节点"), who.node),
        (out.label("officer", "经办人"), who.officer),
        (
            out.label("roles", "角色"),
            in_force(out, &who.roles, client.roles()),
        ),
        (out.label("mechanisms", "机制"), mechanisms.join(", ")),
        (
            out.label("token ends", "令牌到期"),
            time(who.token_expires_at.as_ref()),
        ),
        (
            out.label("certificate ends", "证书到期"),
            time(who.certificate_expires_at.as_ref()),
        ),
        (out.label("hub", "中枢"), client.endpoint().to_owned()),
    ]))
}

/// How many days before its end a certificate is warned of: as long as renewing it may take.
const CERTIFICATE_WARNING_DAYS: i64 = 30;

/// Days left to an end that is near, begun ones included.
fn ends_soon(until_at: Timestamp, now: Timestamp) -> Option<i64> {
    let left_s = until_at.duration_since(now).as_secs().max(0);
    let days = left_s.saturating_add(86_399) / 86_400;
    (days <= CERTIFICATE_WARNING_DAYS).then_some(days)
}

/// The roles in force, and those asked for that are not.
fn in_force(out: Out, roles: &[String], asked: &[String]) -> String {
    let lapsed: Vec<&str> = asked
        .iter()
        .filter(|role| !roles.contains(role))
        .map(String::as_str)
        .collect();
    let held = match roles {
        [] => out.label("none in force", "无生效角色").to_owned(),
        roles => roles.join(", "),
    };
    if lapsed.is_empty() {
        return held;
    }
    let not = out.label("not in force for this officer", "对该经办人未生效");
    format!("{held} ({not}: {})", lapsed.join(", "))
}

pub(crate) async fn run(context: &Context, command: MembersCommand) -> Done {
    match command {
        MembersCommand::Mechanisms(AsOf { as_of }) => mechanisms(context, as_of).await,
        MembersCommand::List {
            mechanism,
            duties,
            as_of,
        } => list(context, mechanism.as_deref(), duties, as_of.as_of).await,
        MembersCommand::Find { name, as_of } => find(context, &name, as_of.as_of).await,
        MembersCommand::Agencies(AsOf { as_of }) => agencies(context, as_of).await,
        MembersCommand::AppointLiaison(args) => appoint(context, args).await,
        MembersCommand::Add(args) => add(context, args).await,
        MembersCommand::Nodes(command) => nodes(context, command).await,
        MembersCommand::Keys(command) => keys(context, command).await,
    }
}

fn with_name(agency: &Agency) -> String {
    let id = agency
        .name
        .strip_prefix("agencies/")
        .unwrap_or(&agency.name);
    format!("{id} {}", agency.display_name)
}

async fn mechanisms(context: &Context, as_of: Option<Date>) -> Done {
    let client = context.client()?;
    let mechanisms = client.members().list_mechanisms(as_of).await?;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = mechanisms.iter().map(json::mechanism).collect();
        return out.value(&json!({ "mechanisms": values }));
    }
    let names = Names::fetch(&client).await;
    let mut table = Table::new(&[
        out.label("mechanism", "机制"),
        out.label("name", "名称"),
        out.label("lead unit", "牵头单位"),
        out.label("members", "成员数"),
        out.label("charter", "文号"),
        out.label("director of its office", "办公室主任"),
    ])
    .elastic(&[1, 2, 5]);
    for mechanism in &mechanisms {
        table.row(mechanism_row(out, mechanism, &names));
    }
    out.text(table.render(out.look))
}

fn mechanism_row(out: Out, mechanism: &Mechanism, names: &Names) -> Vec<String> {
    let director = match &mechanism.office_director {
        Some(director) => format!("{}（{}）", director.display_name, director.post),
        None => format!(
            "{}（{}）",
            out.label("none named", "未指明"),
            mechanism.office_director_post
        ),
    };
    vec![
        short(&mechanism.name),
        mechanism.display_name.clone(),
        names.show(&mechanism.lead_unit),
        mechanism.member_count.to_string(),
        mechanism.document_number.clone(),
        director,
    ]
}

/// The id at the end of a resource name.
fn short(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

async fn list(
    context: &Context,
    mechanism: Option<&str>,
    shows_duties: bool,
    as_of: Option<Date>,
) -> Done {
    let client = context.client()?;
    let members = client.members();
    let parents = match mechanism {
        Some(mechanism) => vec![resource("mechanisms", mechanism)],
        None => members
            .list_mechanisms(as_of)
            .await?
            .into_iter()
            .map(|mechanism| mechanism.name)
            .collect(),
    };
    let mut memberships = vec![];
    for parent in &parents {
        for membership in members.list_memberships(parent, as_of).await? {
            memberships.push((short(parent), membership));
        }
    }
    let out = context.out;
    out.either(
        || {
            let values: Vec<Value> = memberships
                .iter()
                .map(|(_, membership)| json::membership(membership))
                .collect();
            json!({ "memberships": values })
        },
        || {
            if shows_duties {
                return duty_table(out, &memberships);
            }
            let mut table = Table::new(&[
                out.label("mechanism", "机制"),
                out.label("no.", "序号"),
                out.label("agency", "单位"),
                out.label("role", "身份"),
                out.label("from", "起"),
                out.label("until", "止"),
                out.label("liaison", "联络员"),
                out.label("basis", "依据"),
            ])
            .elastic(&[2, 6, 7]);
            for (mechanism, membership) in &memberships {
                // A unit without a liaison is the office's to ask (JE-028).
                let tone = match membership.liaison {
                    Some(_) => Tone::Plain,
                    None => Tone::Warn,
                };
                table.toned(membership_row(out, mechanism, membership), tone);
            }
            table.render(out.look)
        },
    )
}

/// The division of tasks: a row for each duty of each member (JE-030).
fn duty_table(out: Out, memberships: &[(String, Membership)]) -> String {
    let mut table = Table::new(&[
        out.label("mechanism", "机制"),
        out.label("agency", "单位"),
        out.label("duty", "职责"),
        out.label("clause", "条款"),
    ])
    .elastic(&[1, 2]);
    for (mechanism, membership) in memberships {
        let agency = membership.agency.as_ref();
        let name = agency.map(|agency| agency.display_name.clone());
        for one in &membership.duties {
            table.row(vec![
                mechanism.clone(),
                name.clone().unwrap_or_default(),
                one.duty.clone(),
                one.source.clone(),
            ]);
        }
    }
    table.render(out.look)
}

fn membership_row(out: Out, mechanism: &str, membership: &Membership) -> Vec<String> {
    let role = match membership.role() {
        MembershipRole::Lead => out.label("lead", "牵头"),
        MembershipRole::Member => out.label("member", "成员"),
        MembershipRole::Unspecified => "",
    };
    let liaison = membership.liaison.as_ref().map_or_else(
        || out.label("none named", "未指派").to_owned(),
        |liaison| format!("{} {}", liaison.officer, liaison.display_name),
    );
    vec![
        mechanism.to_owned(),
        membership.ordinal.to_string(),
        membership
            .agency
            .as_ref()
            .map(with_name)
            .unwrap_or_default(),
        role.to_owned(),
        date(membership.from_on.as_ref()).unwrap_or_default(),
        date(membership.until_on.as_ref()).unwrap_or_default(),
        liaison,
        membership.basis.clone(),
    ]
}

async fn find(context: &Context, name: &str, as_of: Option<Date>) -> Done {
    let agency = context.client()?.members().find_agency(name, as_of).await?;
    let out = context.out;
    out.either(
        || json::agency(&agency),
        || {
            let names: Vec<String> = agency
                .names
                .iter()
                .map(|name| {
                    let from = date(name.from_on.as_ref()).unwrap_or_default();
                    let until = date(name.until_on.as_ref()).unwrap_or_default();
                    if from.is_empty() && until.is_empty() {
                        name.display_name.clone()
                    } else {
                        format!("{} ({from}..{until})", name.display_name)
                    }
                })
                .collect();
            pairs(&[
                (out.label("agency", "单位"), with_name(&agency)),
                (
                    out.label("English", "英文名"),
                    agency.display_name_en.clone(),
                ),
                (out.label("aliases", "别名"), agency.aliases.join(", ")),
                (out.label("official names", "历用名称"), names.join(", ")),
            ])
        },
    )
}

async fn agencies(context: &Context, as_of: Option<Date>) -> Done {
    let agencies = context.client()?.members().list_agencies(as_of).await?;
    let out = context.out;
    out.either(
        || json!({ "agencies": agencies.iter().map(json::agency).collect::<Vec<_>>() }),
        || {
            let mut table = Table::new(&[
                out.label("agency", "单位"),
                out.label("name", "名称"),
                out.label("English", "英文名"),
                out.label("aliases", "别名"),
            ])
            .elastic(&[1, 2, 3]);
            for agency in &agencies {
                table.row(vec![
                    short(&agency.name),
                    agency.display_name.clone(),
                    agency.display_name_en.clone(),
                    agency.aliases.join(", "),
                ]);
            }
            table.render(out.look)
        },
    )
}

async fn appoint(context: &Context, args: AppointArgs) -> Done {
    let zone = TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC);
    let from = args
        .from
        .unwrap_or_else(|| hub_core::date::on(Timestamp::now(), &zone));
    let rank = match args.rank {
        RankArg::Division => Rank::Division,
        RankArg::Other => Rank::Other,
    };
    let request = AppointLiaisonRequest {
        parent: resource("mechanisms", &args.mechanism),
        liaison: Some(Liaison {
            officer: args.liaison,
            display_name: args.name,
            rank: rank.into(),
            rank_override_reason: args.rank_reason,
            from_on: Some(to_wire(from)),
            until_on: None,
        }),
        replaces: args.replaces,
        request_id: String::new(),
    };
    let answer = context.client()?.members().appoint_liaison(request).await?;
    membership(
        context,
        &args.mechanism,
        answer.response.membership,
        answer.response.receipt,
    )
}

async fn add(context: &Context, args: AddArgs) -> Done {
    let request = AddMembershipRequest {
        parent: resource("mechanisms", &args.mechanism),
        agency: resource("agencies", &args.agency),
        from_on: Some(to_wire(args.from)),
        until_on: args.until.map(to_wire),
        basis: args
            .case
            .map(Basis::CaseReference)
            .or(args.decision.map(Basis::LeadingGroupDecision)),
        request_id: String::new(),
    };
    let answer = context.client()?.members().add_membership(request).await?;
    membership(
        context,
        &args.mechanism,
        answer.response.membership,
        answer.response.receipt,
    )
}

fn membership(
    context: &Context,
    mechanism: &str,
    membership: Option<Membership>,
    receipt: Option<hub_proto::common::Receipt>,
) -> Done {
    let membership = membership.unwrap_or_default();
    let out = context.out;
    out.either(
        || {
            json!({
                "membership": json::membership(&membership),
                "receipt": json::receipt(receipt.as_ref()),
            })
        },
        || {
            let row = membership_row(out, &short(mechanism), &membership);
            let mut row = row.into_iter();
            let mut next = || row.next().unwrap_or_default();
            pairs(&[
                (out.label("mechanism", "机制"), next()),
                (out.label("no.", "序号"), next()),
                (out.label("agency", "单位"), next()),
                (out.label("role", "身份"), next()),
                (out.label("from", "起"), next()),
                (out.label("until", "止"), next()),
                (out.label("liaison", "联络员"), next()),
                (out.label("basis", "依据"), next()),
                (
                    out.label("ledger entry", "账本条目"),
                    entry(receipt.as_ref()),
                ),
            ])
        },
    )
}

/// Index of a receipt's entry and when it was recorded.
pub(crate) fn entry(receipt: Option<&hub_proto::common::Receipt>) -> String {
    receipt.map_or_else(String::new, |receipt| {
        format!(
            "{} ({})",
            receipt.entry_index,
            time(receipt.recorded_at.as_ref())
        )
    })
}

async fn nodes(context: &Context, command: NodesCommand) -> Done {
    let members = context.client()?.members();
    let (node, receipt) = match command {
        NodesCommand::List { agency } => {
            let parent = agency.map(|agency| resource("agencies", &agency));
            let nodes = members.list_nodes(parent.as_deref()).await?;
            let values = || nodes.iter().map(json::node).collect::<Vec<_>>();
            return context.out.either(
                || json!({ "nodes": values() }),
                || node_table(context.out, &nodes),
            );
        }
        NodesCommand::Enroll { file } => {
            let answer = members.enroll_node(certificate(&file)?).await?.response;
            (answer.node, answer.receipt)
        }
        NodesCommand::Revoke(RevokeArgs { name, reason }) => {
            let answer = members.revoke_node(&name, &reason).await?.response;
            (answer.node, answer.receipt)
        }
    };
    let node = node.unwrap_or_default();
    context.out.either(
        || json!({"node": json::node(&node), "receipt": json::receipt(receipt.as_ref())}),
        || node_table(context.out, std::slice::from_ref(&node)),
    )
}

fn node_table(out: Out, nodes: &[Node]) -> String {
    let mut table = Table::new(&[
        out.label("name", "名称"),
        out.label("not after", "有效期至"),
        out.label("enrolled", "登记"),
        out.label("revoked", "吊销"),
        out.label("why", "原因"),
    ]);
    for node in nodes {
        table.row(vec![
            node.name.clone(),
            time(node.not_after_at.as_ref()),
            time(node.enrolled_at.as_ref()),
            time(node.revoked_at.as_ref()),
            node.revocation_reason.clone(),
        ]);
    }
    table.render(out.look)
}

fn certificate(file: &Path) -> Result<Vec<u8>, Failure> {
    CertificateDer::from_pem_slice(&input(file)?)
        .map(|der| der.to_vec())
        .map_err(|_| {
            Failure::Client(ClientError::LocalFile {
                path: file.to_owned(),
                problem: "holds no PEM certificate".into(),
            })
        })
}

async fn keys(context: &Context, command: KeysCommand) -> Done {
    let members = context.client()?.members();
    let (key, receipt) = match command {
        KeysCommand::List { agency } => {
            let parent = agency.map(|agency| resource("agencies", &agency));
            let keys = members.list_token_keys(parent.as_deref()).await?;
            let values = || keys.iter().map(json::token_key).collect::<Vec<_>>();
            return context.out.either(
                || json!({ "token_keys": values() }),
                || key_table(context.out, &keys),
            );
        }
        KeysCommand::Enroll { file } => {
            let jwk = input_text(&file)?;
            let answer = members.enroll_token_key(jwk.trim()).await?.response;
            (answer.token_key, answer.receipt)
        }
        KeysCommand::Revoke(RevokeArgs { name, reason }) => {
            let answer = members.revoke_token_key(&name, &reason).await?.response;
            (answer.token_key, answer.receipt)
        }
    };
    let key = key.unwrap_or_default();
    context.out.either(
        || json!({"token_key": json::token_key(&key), "receipt": json::receipt(receipt.as_ref())}),
        || key_table(context.out, std::slice::from_ref(&key)),
    )
}

fn key_table(out: Out, keys: &[TokenKey]) -> String {
    let mut table = Table::new(&[
        out.label("name", "名称"),
        out.label("enrolled", "登记"),
        out.label("revoked", "吊销"),
        out.label("why", "原因"),
    ]);
    for key in keys {
        table.row(vec![
            key.name.clone(),
            time(key.enrolled_at.as_ref()),
            time(key.revoked_at.as_ref()),
            key.revocation_reason.clone(),
        ]);
    }
    table.render(out.look)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn an_end_is_near_from_thirty_days_on() {
        let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let left = |seconds| ends_soon(now + SignedDuration::from_secs(seconds), now);
        assert_eq!(left(30 * 86_400 + 1), None);
        assert_eq!(left(30 * 86_400), Some(30));
        assert_eq!(left(86_400 + 1), Some(2));
        assert_eq!(left(1), Some(1));
        assert_eq!(left(-1), Some(0));
    }
}
