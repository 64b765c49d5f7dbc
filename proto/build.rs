//! Compiles the protos with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "hub/attachments/v1/attachment_service.proto",
    "hub/audit/v1/audit_service.proto",
    "hub/audit/v1/event.proto",
    "hub/common/v1/date.proto",
    "hub/common/v1/receipt.proto",
    "hub/channels/v1/channel_service.proto",
    "hub/channels/v1/event.proto",
    "hub/channels/v1/notification.proto",
    "hub/funds/v1/alert.proto",
    "hub/funds/v1/alert_service.proto",
    "hub/funds/v1/event.proto",
    "hub/gateway/v1/gateway_service.proto",
    "hub/ledger/v1/entry.proto",
    "hub/ledger/v1/event.proto",
    "hub/ledger/v1/ledger_service.proto",
    "hub/ledger/v1/seal.proto",
    "hub/meetings/v1/event.proto",
    "hub/meetings/v1/major_issue.proto",
    "hub/meetings/v1/major_issue_service.proto",
    "hub/meetings/v1/meeting.proto",
    "hub/meetings/v1/meeting_service.proto",
    "hub/meetings/v1/minutes.proto",
    "hub/meetings/v1/minutes_service.proto",
    "hub/members/v1/event.proto",
    "hub/members/v1/members_service.proto",
    "hub/members/v1/roster.proto",
    "hub/referrals/v1/event.proto",
    "hub/referrals/v1/referral.proto",
    "hub/referrals/v1/referral_service.proto",
    "hub/requests/v1/event.proto",
    "hub/requests/v1/information_request.proto",
    "hub/requests/v1/request_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=hub");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(descriptors)?;
    Ok(())
}
