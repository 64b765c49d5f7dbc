//! `ledger checkpoint | verify | proof | entry | audit`.

use std::{
    io::{IsTerminal as _, Write as _},
    path::Path,
};

use agency_client::{
    ClientError,
    checkpoint::TrustedCheckpoint,
    profile,
    verify::{self, Bundle, BundleReport, Outcome},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub_core::crypto::hex;
use hub_proto::{
    common::Receipt,
    ledger::{EntryContent, EntryHeader},
};
use jiff::Timestamp;
use prost::Message as _;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};

use crate::{
    Context,
    args::ledger::{LedgerCommand, VerifyArgs},
    input, input_text, json,
    names::{Names, local},
    output::{Done, Failure, Out},
    table::{Table, pairs},
};

pub(crate) async fn run(context: &Context, command: LedgerCommand) -> Done {
    match command {
        LedgerCommand::Checkpoint => checkpoint(context).await,
        LedgerCommand::Verify(args) => match (&args.bundle, &args.receipt) {
            (Some(file), _) => bundle(context, file, &args),
            (None, Some(file)) => receipt(context, file).await,
            (None, None) => history(context).await,
        },
        LedgerCommand::Proof {
            index,
            out,
            receipt,
        } => proof(context, index, out.as_deref(), receipt.as_deref()).await,
        LedgerCommand::Entry { index } => entry(context, index).await,
        LedgerCommand::Audit => audit(context).await,
    }
}

fn checkpoint_value(checkpoint: &TrustedCheckpoint) -> Value {
    json!({
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": hex(&checkpoint.root),
        "note": checkpoint.note,
    })
}

async fn checkpoint(context: &Context) -> Done {
    let checkpoint = context.client()?.ledger().checkpoint().await?;
    // The note itself is the data: other transparency tools read it as it is.
    context
        .out
        .either(|| checkpoint_value(&checkpoint), || checkpoint.note.clone())
}

async fn history(context: &Context) -> Done {
    let client = context.client()?;
    let remembered = client.checkpoint_memory().remembered()?;
    let checkpoint = client.ledger().checkpoint().await?;
    let out = context.out;
    let from = remembered.as_ref().map(|remembered| remembered.size);
    out.either(
        || {
            json!({
                "verified": true,
                "remembered_size": from,
                "checkpoint": checkpoint_value(&checkpoint),
            })
        },
        || {
            let verdict = match from {
                Some(_) => out.label(
                    "the hub's history continues the remembered one",
                    "中枢历史与已存检查点一致",
                ),
                None => out.label(
                    "signature verified; remembered from now on",
                    "签名有效；已存为首个检查点",
                ),
            };
            pairs(&[
                (out.label("verified", "已验证"), verdict.to_owned()),
                (
                    out.label("remembered entries", "已存条目数"),
                    from.map(|size| size.to_string()).unwrap_or_default(),
                ),
                (out.label("entries", "条目数"), checkpoint.size.to_string()),
                (out.label("root", "根哈希"), hex(&checkpoint.root)),
                (out.label("ledger", "账本"), checkpoint.origin.clone()),
            ])
        },
    )
}

fn bad_file(path: &Path, problem: impl Into<String>) -> Failure {
    Failure::Client(ClientError::LocalFile {
        path: path.to_owned(),
        problem: problem.into(),
    })
}

fn bundle(context: &Context, file: &Path, args: &VerifyArgs) -> Done {
    let bundle: Bundle = serde_json::from_str(&input_text(file)?)
        .map_err(|error| bad_file(file, format!("is no bundle: {error}")))?;
    let key = match &args.ledger_key {
        Some(path) => profile::ledger_key(path)?,
        None => {
            let profile = context.profile().map_err(|_missing| {
                let path = context.profile.display();
                Failure::usage(
                    format!(
                        "there is no profile at {path}: name the ledger's verifier key with \
                         --ledger-key (and the nodes' authority with --node-ca), or the profile with \
                         --profile"
                    ),
                    format!(
                        "{path} 处没有配置：请用 --ledger-key 指明账本验证公钥（用 --node-ca 指明节点\
                         证书颁发机构），或用 --profile 指明配置"
                    ),
                )
            })?;
            profile::ledger_key(Path::new(&profile.ledger_key))?
        }
    };
    // The profile's authority is the nodes' own, unless another is named.
    let own_ca = context
        .profile()
        .ok()
        .map(|profile| std::path::PathBuf::from(profile.ca));
    let authorities = args
        .node_ca
        .as_deref()
        .or(own_ca.as_deref())
        .map(|path| {
            CertificateDer::pem_slice_iter(&input(path)?)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| bad_file(path, format!("is no PEM: {error}")))
        })
        .transpose()?;
    let report = bundle.verify(&key, authorities.as_deref())?;
    let out = context.out;
    out.either(|| report_value(&report), || report_text(out, &report))
}

fn report_value(report: &BundleReport) -> Value {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| match check.outcome {
            Outcome::Holds => json!({"check": check.name, "outcome": "holds"}),
            Outcome::NotChecked(why) => {
                json!({"check": check.name, "outcome": "not_checked", "why": why})
            }
        })
        .collect();
    json!({
        "verified": true,
        "header": json::header(&report.header),
        "tree_size": report.tree_size,
        "checks": checks,
    })
}

fn report_text(out: Out, report: &BundleReport) -> String {
    let mut table = Table::new(&[
        out.label("check", "检查项"),
        out.label("outcome", "结果"),
        out.label("why", "原因"),
    ]);
    for check in &report.checks {
        let (outcome, why) = match check.outcome {
            Outcome::Holds => (out.label("holds", "通过"), ""),
            Outcome::NotChecked(why) => (out.label("not checked", "未检查"), why),
        };
        table.row(vec![check.name.into(), outcome.into(), why.into()]);
    }
    let names = Names::default();
    format!(
        "{}\n{}",
        header_text(out, &report.header, &names, vec![]),
        table.render(out.look)
    )
}

fn header_text(out: Out, header: &EntryHeader, names: &Names, more: Vec<(&str, String)>) -> String {
    let author = header.author.clone().unwrap_or_default();
    let recorded = Timestamp::from_microsecond(header.recorded_at_us).map(local);
    let mut rows = vec![
        (out.label("entry", "条目"), header.index.to_string()),
        (
            out.label("recorded", "记录时间"),
            recorded.unwrap_or_default(),
        ),
        (out.label("agency", "单位"), names.agency(&author.agency)),
        (out.label("node", "节点"), author.node),
        (out.label("officer", "经办人"), author.officer),
        (out.label("role", "角色"), author.role),
        (out.label("method", "方法"), header.method.clone()),
        (out.label("commitment", "承诺值"), hex(&header.commitment)),
    ];
    rows.extend(more);
    pairs(&rows)
}

fn read_receipt(file: &Path) -> Result<Receipt, Failure> {
    let value: Value = serde_json::from_str(&input_text(file)?)
        .map_err(|error| bad_file(file, format!("is no JSON: {error}")))?;
    json::read_receipt(&value).ok_or_else(|| {
        bad_file(
            file,
            "has no receipt with entry_index, leaf_hash, recorded_at and header",
        )
    })
}

async fn receipt(context: &Context, file: &Path) -> Done {
    let receipt = read_receipt(file)?;
    let client = context.client()?;
    let proved = verify::receipt(&client, &receipt, None).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "verified": true,
            "header": json::header(&proved.header),
            "checkpoint": checkpoint_value(&proved.checkpoint),
        }));
    }
    let names = Names::fetch(&client).await;
    let under = out.label("under the signed checkpoint of", "已含于签名检查点，条目数");
    let entries = out.label(" entries", "");
    let verdict = format!("{under} {}{entries}", proved.checkpoint.size);
    out.text(header_text(
        out,
        &proved.header,
        &names,
        vec![(out.label("verified", "已验证"), verdict)],
    ))
}

async fn proof(
    context: &Context,
    index: u64,
    target: Option<&Path>,
    receipt: Option<&Path>,
) -> Done {
    let receipt = receipt.map(read_receipt).transpose()?;
    if receipt
        .as_ref()
        .is_some_and(|receipt| receipt.entry_index != index)
    {
        return Err(Failure::usage(
            format!("the receipt is not for entry {index}"),
            format!("该回执不属于条目 {index}"),
        ));
    }
    let ledger = context.client()?.ledger();
    let header = receipt.as_ref().map(|receipt| &receipt.header[..]);
    let bundle = ledger.bundle(index, header).await?;
    let text = serde_json::to_string_pretty(&bundle)
        .map_err(|error| Failure::Output(std::io::Error::other(error)))?;
    let Some(target) = target else {
        return context.out.text(format_args!("{text}\n"));
    };
    std::fs::write(target, format!("{text}\n"))
        .map_err(|error| bad_file(target, error.to_string()))?;
    context.out.remark(
        format_args!(
            "written; verify it anywhere with: agency ledger verify --bundle {}",
            target.display()
        ),
        format_args!(
            "已写入；可在任何机器上验证：agency ledger verify --bundle {}",
            target.display()
        ),
    );
    Ok(())
}

async fn entry(context: &Context, index: u64) -> Done {
    let client = context.client()?;
    let answer = client.ledger().entry(index).await?;
    let stored = answer.entry.unwrap_or_default();
    let undecodable = |error: prost::DecodeError| {
        Failure::Client(ClientError::Protocol(format!("entry {index}: {error}")))
    };
    let header = EntryHeader::decode(&stored.header[..]).map_err(undecodable)?;
    let content = if stored.content.is_empty() {
        None
    } else {
        Some(EntryContent::decode(&stored.content[..]).map_err(undecodable)?)
    };
    let out = context.out;
    if out.json {
        let content = content.map(|content| {
            json!({
                "author_salt": STANDARD.encode(&content.author_salt),
                "request": STANDARD.encode(&content.request),
                "event_salt": STANDARD.encode(&content.event_salt),
                "events": STANDARD.encode(&content.events),
            })
        });
        return out.value(&json!({
            "header": json::header(&header),
            "content": content,
            "author_certificate": STANDARD.encode(&answer.author_certificate),
        }));
    }
    let names = Names::fetch(&client).await;
    let bytes = |content: &[u8]| {
        if content.is_empty() {
            String::new()
        } else {
            format!("{} {}", content.len(), out.label("bytes", "字节"))
        }
    };
    let more = match content {
        Some(content) => vec![
            (out.label("request", "请求"), bytes(&content.request)),
            (out.label("events", "事件"), bytes(&content.events)),
        ],
        None => vec![(
            out.label("content", "内容"),
            out.label("sealed", "已封存").to_owned(),
        )],
    };
    out.text(header_text(out, &header, &names, more))
}

async fn audit(context: &Context) -> Done {
    let client = context.client()?;
    let shows_progress = std::io::stderr().is_terminal() && !context.out.json;
    let report = client
        .ledger()
        .audit(|read, total| {
            if shows_progress {
                // Progress is a courtesy; a closed stderr takes nothing from the result.
                let _closed = write!(std::io::stderr(), "\r{read}/{total}");
            }
        })
        .await;
    if shows_progress {
        let _closed = writeln!(std::io::stderr());
    }
    let report = report?;
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "verified": true,
            "checkpoint": checkpoint_value(&report.checkpoint),
            "entries_by_agency": report.entries_by_agency,
            "withheld": report.withheld,
        }));
    }
    let names = Names::fetch(&client).await;
    let mut table = Table::new(&[out.label("agency", "单位"), out.label("entries", "条目数")]);
    for (agency, count) in &report.entries_by_agency {
        table.row(vec![names.agency(agency), count.to_string()]);
    }
    let verdict = pairs(&[
        (
            out.label("verified", "已验证"),
            out.label(
                "the root over all headers is the one that the hub signed",
                "全部条目头的根哈希与中枢签名一致",
            )
            .to_owned(),
        ),
        (
            out.label("entries", "条目数"),
            report.checkpoint.size.to_string(),
        ),
        (out.label("root", "根哈希"), hex(&report.checkpoint.root)),
    ]);
    out.text(format!("{verdict}\n{}", table.render(out.look)))
}
