//! The units and the container file: keys that systemd knows, hardening that is there, commands that
//! exist, and times that fit the hub's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use hub::config::DRAIN_MS_MAX;

/// Every key that the units use, by section. A misspelt key is only warned of by systemd, and then
/// hardens nothing.
const KNOWN: &[(&str, &[&str])] = &[
    ("Unit", &["After", "Description", "Documentation", "Wants"]),
    (
        "Service",
        &[
            "AmbientCapabilities",
            "CapabilityBoundingSet",
            "DynamicUser",
            "Environment",
            "ExecStart",
            "KeyringMode",
            "KillSignal",
            "LimitCORE",
            "LimitNOFILE",
            "LoadCredential",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "NoNewPrivileges",
            "PrivateDevices",
            "PrivateTmp",
            "PrivateUsers",
            "ProcSubset",
            "ProtectClock",
            "ProtectControlGroups",
            "ProtectHome",
            "ProtectHostname",
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "ProtectProc",
            "ProtectSystem",
            "RemoveIPC",
            "Restart",
            "RestartSec",
            "RestrictAddressFamilies",
            "RestrictNamespaces",
            "RestrictRealtime",
            "RestrictSUIDSGID",
            "Group",
            "RuntimeDirectory",
            "RuntimeDirectoryMode",
            "StateDirectory",
            "StateDirectoryMode",
            "ConfigurationDirectory",
            "ConfigurationDirectoryMode",
            "SystemCallArchitectures",
            "SystemCallErrorNumber",
            "SystemCallFilter",
            "TimeoutStartSec",
            "TimeoutStopSec",
            "Type",
            "UMask",
            "User",
            "WorkingDirectory",
        ],
    ),
    ("Install", &["WantedBy"]),
];

fn deploy(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Keys and values of a unit's `[Service]`, after every key of the unit was found to be known.
fn service(name: &str) -> BTreeMap<String, Vec<String>> {
    let mut service: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut section, mut sections) = (String::new(), BTreeSet::new());
    for line in deploy(name).lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = title.to_owned();
            sections.insert(title.to_owned());
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .unwrap_or_else(|| panic!("{name}: {line}"));
        let known = KNOWN.iter().find(|(title, _)| *title == section);
        let known = known.unwrap_or_else(|| panic!("{name}: [{section}]")).1;
        assert!(known.contains(&key), "{name}: [{section}] {key}");
        if section == "Service" {
            service.entry(key.into()).or_default().push(value.into());
        }
    }
    assert_eq!(sections.len(), KNOWN.len(), "{name}");
    service
}

/// `30s`, `2min`.
fn seconds(text: &str) -> Duration {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().unwrap();
    match &text[digits.len()..] {
        "s" | "" => Duration::from_secs(number),
        "min" => Duration::from_secs(number * 60),
        unit => panic!("{unit}"),
    }
}

#[test]
fn the_units_are_hardened() {
    for name in ["hub.service", "agency-gateway.service"] {
        let service = service(name);
        let is = |key: &str, value: &str| {
            let found = service.get(key).map(|all| all.join(" "));
            assert_eq!(found.as_deref(), Some(value), "{name}: {key}");
        };
        for key in [
            "NoNewPrivileges",
            "PrivateTmp",
            "PrivateDevices",
            "PrivateUsers",
            "ProtectClock",
            "ProtectControlGroups",
            "ProtectHome",
            "ProtectHostname",
            "ProtectKernelLogs",
            "ProtectKernelModules",
            "ProtectKernelTunables",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "RestrictNamespaces",
            "RestrictRealtime",
            "RestrictSUIDSGID",
            "RemoveIPC",
        ] {
            is(key, "yes");
        }
        is("ProtectSystem", "strict");
        is("CapabilityBoundingSet", "");
        is("AmbientCapabilities", "");
        is("SystemCallArchitectures", "native");
        is("KillSignal", "SIGTERM");
        is("Restart", "on-failure");
        is("UMask", "0077");
        is("LimitCORE", "0");
        let filter = service["SystemCallFilter"].join(" ");
        assert!(filter.starts_with("@system-service"), "{name}: {filter}");
        let families = service["RestrictAddressFamilies"].join(" ");
        assert!(
            !families.contains("NETLINK") && !families.contains("PACKET"),
            "{families}"
        );
        assert_ne!(
            service.get("User").map(Vec::as_slice),
            Some(["root".to_owned()].as_slice())
        );
    }
}

#[test]
fn the_hub_may_lower_the_priority_of_its_handshakes() {
    let filter = &service("hub.service")["SystemCallFilter"];
    // The last word counts, and `@resources` has that call too.
    assert_eq!(filter.last().map(String::as_str), Some("setpriority"));
}

#[test]
fn a_hub_has_time_to_drain_before_it_is_killed() {
    let service = service("hub.service");
    let stop = seconds(&service["TimeoutStopSec"][0]);
    // Draining, then the last flush and the last spans.
    assert!(
        stop >= Duration::from_millis(DRAIN_MS_MAX) + Duration::from_secs(10),
        "{stop:?}"
    );
    let handles: u64 = service["LimitNOFILE"][0].parse().unwrap();
    let connections = hub::config::Limits::default().connections_max;
    assert!(handles > connections as u64 * 2, "{handles}");
}

#[test]
fn the_units_start_what_there_is() {
    assert_eq!(
        service("hub.service")["ExecStart"],
        ["/usr/bin/hub serve --config /etc/hub/hub.toml"]
    );
    let gateway = &service("agency-gateway.service")["ExecStart"][0];
    assert!(gateway.starts_with("/usr/bin/agency serve "), "{gateway}");
    assert!(
        gateway.contains("--socket /run/agency/gateway.sock"),
        "{gateway}"
    );
    assert_eq!(
        service("agency-gateway.service")["RuntimeDirectory"],
        ["agency"]
    );
}

#[test]
fn the_container_runs_as_nobody_with_a_signal_that_drains() {
    let text = deploy("Containerfile");
    let froms: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("FROM "))
        .collect();
    assert_eq!(froms.len(), 2, "{froms:?}");
    for from in &froms {
        let image = from.split_whitespace().nth(1).unwrap();
        let tag = image
            .rsplit('/')
            .next()
            .unwrap()
            .split_once(':')
            .map(|it| it.1);
        assert!(tag.is_some_and(|tag| tag != "latest"), "{from}");
    }
    let last = &text[text.rfind("FROM ").unwrap()..];
    assert!(
        !last.lines().any(|line| line.starts_with("RUN ")),
        "there is no shell"
    );
    for line in [
        "USER 65532:65532",
        "STOPSIGNAL SIGTERM",
        "ENTRYPOINT [\"/usr/bin/hub\"]",
        "VOLUME [\"/var/lib/hub\"]",
    ] {
        assert!(last.lines().any(|one| one == line), "{line}");
    }
}
