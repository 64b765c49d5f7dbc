//! `alert list`: alerts, and which units have not acknowledged them since when.

use std::collections::BTreeMap;

use hub_proto::funds::{Alert, AlertKind, AlertState, ListAlertsRequest, Severity, UnitHandling};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::words;
use crate::{
    Context,
    args::alert::AlertListArgs,
    json::{alerts as form, instant},
    meeting::more,
    names::minute,
    output::{Done, Out},
    people::Units,
    table::{Table, Tone},
};

pub(super) async fn run(context: &Context, args: AlertListArgs) -> Done {
    let client = context.client()?;
    let unacknowledged_by = match args.unacknowledged_by.as_deref() {
        None => String::new(),
        Some("me") => format!("agencies/{}", client.profile().agency),
        Some(unit) => Units::fetch(&client).await?.named(unit)?,
    };
    let mut request = ListAlertsRequest {
        state: args.state.map_or(0, |state| AlertState::from(state).into()),
        organization: args.organization.unwrap_or_default(),
        indicator: args.indicator.unwrap_or_default(),
        unacknowledged_by,
        severity: args
            .severity
            .map_or(0, |severity| Severity::from(severity).into()),
        kind: args.kind.map_or(0, |kind| AlertKind::from(kind).into()),
        page_size: args.page.page_size,
        page_token: args.page.page_token,
    };
    let mut alerts = vec![];
    loop {
        let page = client.alerts().list(&request).await?;
        alerts.extend(page.alerts);
        request.page_token = page.next_page_token;
        if !args.page.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = alerts.iter().map(form::alert).collect();
        return out.value(&json!({
            "alerts": values,
            "next_page_token": request.page_token,
        }));
    }
    if alerts.is_empty() && request.page_token.is_empty() {
        out.remark("no alerts", "没有预警");
        return Ok(());
    }
    out.text(table(out, &alerts, Timestamp::now()))?;
    more(out, &request.page_token);
    Ok(())
}

fn table(out: Out, alerts: &[Alert], now: Timestamp) -> String {
    let mut table = Table::new(&[
        out.label("raised", "发起日期"),
        out.label("severity", "等级"),
        out.label("state", "状态"),
        out.label("organisation", "组织"),
        out.label("not acknowledged by", "未签收单位"),
        out.label("name", "名称"),
    ])
    .elastic(&[3, 4])
    .tail();
    for alert in alerts {
        let organization = alert.organization.clone().unwrap_or_default();
        let organization = if alert.is_sealed {
            out.label("[sealed]", "[已封存]").to_owned()
        } else {
            organization.display_name
        };
        let cells = vec![
            day(alert.raised_at.as_ref()),
            words::severity(out, alert.severity()).to_owned(),
            words::state(out, alert.state()).to_owned(),
            organization,
            owing(out, alert, now),
            alert.name.clone(),
        ];
        table.toned(cells, tone(alert));
    }
    table.render(out.look)
}

/// The day of an instant: how long something is owed stands beside it.
fn day(at: Option<&prost_types::Timestamp>) -> String {
    let minute = minute(at);
    minute.split(' ').next().unwrap_or_default().to_owned()
}

fn tone(alert: &Alert) -> Tone {
    if alert.units.iter().any(|unit| is_late(alert, unit)) {
        return Tone::Bad;
    }
    match alert.state() {
        AlertState::Closed | AlertState::Retracted => Tone::Faint,
        _ if alert.units.iter().any(|unit| is_owing(alert, unit)) => Tone::Warn,
        _ => Tone::Plain,
    }
}

/// Whether a unit is to acknowledge the revision in force still. Of a closed alert nothing is owed.
pub(super) fn is_owing(alert: &Alert, unit: &UnitHandling) -> bool {
    unit.acknowledged_at.is_none() && alert.state() != AlertState::Closed
}

/// Whether it is late with that.
pub(super) fn is_late(alert: &Alert, unit: &UnitHandling) -> bool {
    is_owing(alert, unit) && unit.is_overdue
}

/// Since when a unit was told, in seconds.
pub(super) fn told_for_s(unit: &UnitHandling, now: Timestamp) -> i64 {
    instant(unit.notified_at.as_ref()).map_or(0, |at| now.as_second() - at.as_second())
}

/// Units that have not acknowledged, by how long they have known of it, overdue ones first:
/// `OVERDUE 3d tax, finance; 2h culture-tourism`.
fn owing(out: Out, alert: &Alert, now: Timestamp) -> String {
    // By whether it is in time, then the longest first.
    let mut groups: BTreeMap<(bool, i64), (String, Vec<&str>)> = BTreeMap::new();
    for unit in alert.units.iter().filter(|unit| is_owing(alert, unit)) {
        let seconds = told_for_s(unit, now);
        let age = words::age(out, seconds);
        let group = groups
            .entry((!unit.is_overdue, -(seconds / 60)))
            .or_insert_with(|| (age, vec![]));
        let id = unit.unit.strip_prefix("agencies/");
        group.1.push(id.unwrap_or(&unit.unit));
    }
    let shown: Vec<String> = groups
        .into_iter()
        .map(|((is_in_time, _), (age, units))| {
            let mark = if is_in_time {
                ""
            } else {
                out.label("OVERDUE ", "已逾期 ")
            };
            let who = if units.len() > 1 && units.len() == alert.units.len() {
                format!("{} {}", out.label("all", "全部"), units.len())
            } else {
                units.join(", ")
            };
            format!("{mark}{age} {who}")
        })
        .collect();
    shown.join("; ")
}

#[cfg(test)]
mod tests {
    use agency_client::Lang;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::table::Look;

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    fn unit(id: &str, told: i64, acknowledged: Option<i64>, is_overdue: bool) -> UnitHandling {
        UnitHandling {
            unit: format!("agencies/{id}"),
            notified_at: at(told),
            acknowledged_at: acknowledged.and_then(at),
            is_overdue,
            ..UnitHandling::default()
        }
    }

    fn out(lang: Lang, width: Option<usize>) -> Out {
        Out {
            json: false,
            lang,
            look: Look {
                paints: false,
                width,
            },
            paints_errors: false,
        }
    }

    fn alert() -> Alert {
        Alert {
            name: "alerts/01980000-0000-7000-8000-000000000000".into(),
            organization: Some(hub_proto::channels::SubjectOrganization {
                uscc: "51140000MJ00000000".into(),
                display_name: "山西省某某行业发展促进会联合基金".into(),
            }),
            severity: Severity::Emergency.into(),
            state: AlertState::UnderHandling.into(),
            raised_at: at(1_796_119_200),
            units: vec![
                unit("tax", 1_000, None, true),
                unit("finance", 1_001, None, true),
                unit("state-security", 259_000, None, false),
                unit("civil-affairs", 0, Some(5), false),
            ],
            ..Alert::default()
        }
    }

    #[test]
    fn who_owes_what_since_when_shows_at_a_glance() {
        let now = Timestamp::from_second(3 * 86_400 + 2_000).unwrap();
        assert_eq!(
            owing(out(Lang::En, None), &alert(), now),
            "OVERDUE 3d tax, finance; 36m state-security"
        );
        assert_eq!(
            owing(out(Lang::Zh, None), &alert(), now),
            "已逾期 3天 tax, finance; 36分钟 state-security"
        );
        let mut nobody = alert();
        for unit in &mut nobody.units {
            (unit.notified_at, unit.acknowledged_at, unit.is_overdue) = (at(0), None, false);
        }
        assert_eq!(owing(out(Lang::En, None), &nobody, now), "3d all 4");
        assert_eq!(tone(&alert()), Tone::Bad);
        let mut closed = alert();
        closed.state = AlertState::Closed.into();
        assert_eq!(tone(&closed), Tone::Faint);
        assert_eq!(owing(out(Lang::En, None), &closed, now), "");
    }

    #[test]
    fn the_list_fits_eighty_columns_and_says_who() {
        let now = Timestamp::from_second(3 * 86_400 + 2_000).unwrap();
        for lang in [Lang::En, Lang::Zh] {
            let text = table(out(lang, Some(80)), &[alert()], now);
            assert!(text.lines().all(|line| line.width() <= 80), "{text}");
            assert!(text.contains("\n  alerts/01980000-"), "{text}");
            assert!(
                text.contains(lang.pick("OVERDUE 3d tax", "已逾期 3天 tax, fin")),
                "{text}"
            );
        }
    }
}
