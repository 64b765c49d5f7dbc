//! Logs and boards that a scene's callers ask for.

use super::CHANNELS;

/// Logs that can be subscribed to; `*` stands for the caller's agency.
pub(super) fn logs() -> Vec<(String, String)> {
    let mut logs: Vec<(String, String)> = CHANNELS
        .map(|id| (format!("channels/{id}"), format!("channels/{id}")))
        .into();
    logs.push(("its own inbox".into(), "agencies/*/inbox".into()));
    for log in [
        "agencies/tax/inbox",
        "mechanisms/joint-enforcement/office/inbox",
        "mechanisms/fund-supervision/office/inbox",
    ] {
        logs.push((log.into(), log.into()));
    }
    logs
}

pub(super) fn sent_logs() -> [(String, String); 2] {
    [
        ("its own sent".into(), "agencies/*/sent".into()),
        ("agencies/tax/sent".into(), "agencies/tax/sent".into()),
    ]
}

/// Lists of what is outstanding; `*` stands for the caller's agency.
pub(super) fn outstanding() -> Vec<(String, String)> {
    let own = [
        ("its own", "agencies/*"),
        ("its own sent", "agencies/*/sent"),
    ];
    let others = [
        "agencies/tax",
        "agencies/tax/sent",
        "mechanisms/joint-enforcement/office",
        "mechanisms/fund-supervision/office",
    ];
    let channels = CHANNELS.map(|id| format!("channels/{id}"));
    own.map(|(what, parent)| (what.to_owned(), parent.to_owned()))
        .into_iter()
        .chain(others.map(|one| (one.to_owned(), one.to_owned())))
        .chain(channels.map(|one| (one.clone(), one)))
        .collect()
}

/// In whose names a notification of the scene can be acted on.
pub(super) fn recipients(what: &str) -> &'static [&'static str] {
    if what.contains("office") {
        &["", "mechanisms/joint-enforcement/office"]
    } else {
        &[""]
    }
}
