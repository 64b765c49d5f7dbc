//! `minutes consent`: what is consented to is shown, checked and asked about (JE-074).

use std::io::{BufRead as _, IsTerminal as _};

use agency_client::meetings::content_sha256;
use hub_proto::meetings::{ConsentToMinutesRequest, MinutesVersion};

use super::{file, print, target, version_of};
use crate::{
    Context,
    args::minutes::VersionArg,
    correct::tell_id,
    output::{Done, Failure, Out},
    people::Units,
    table::{many_lines, pairs},
};

pub(super) async fn run(
    context: &Context,
    which: VersionArg,
    sha256: Option<String>,
    yes: bool,
) -> Done {
    let out = context.out;
    let client = context.client()?;
    let id = which.once.id();
    let (name, number) = target(&client, &which).await?;
    let version = version_of(&client, &name, number).await?;
    let hash = checked(&version, sha256.as_deref())?;
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                format!(
                    "this would consent to version {number} ({hash}) in the unit's name: repeat it \
                     with --version {number} --sha256 {hash} --yes"
                ),
                format!(
                    "此操作将以本单位名义同意第 {number} 版（{hash}）：请加 --version {number} --sha256 \
                     {hash} --yes 重试"
                ),
            ));
        }
        let units = Units::fetch(&client).await?;
        if !is_wanted(out, &version, number, &hash, &units)? {
            out.remark("nothing was sent", "未发送任何内容");
            return Err(Failure::Said(2));
        }
    }
    let request = ConsentToMinutesRequest {
        name,
        version: number,
        content_sha256: hash,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().consent(request).await)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

/// The hash of a version, if it is that of the text that came with it, and the one that was expected.
fn checked(version: &MinutesVersion, expected: Option<&str>) -> Result<String, Failure> {
    let content = version.content.clone().unwrap_or_default();
    let own = content_sha256(&content);
    let said = &version.content_sha256;
    if own != *said {
        return Err(Failure::Client(agency_client::ClientError::Verification(
            format!(
                "{}: the hub says that its text has SHA-256 {said}, but the text that it sent has {own}; \
             a consent would not cover what is read here",
                version.name
            ),
        )));
    }
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(&own) => Err(Failure::usage(
            format!(
                "{}: its SHA-256 is {own}, not {expected}: read it anew",
                version.name
            ),
            format!(
                "{}：其 SHA-256 为 {own}，而不是 {expected}：请重新阅读",
                version.name
            ),
        )),
        _ => Ok(own),
    }
}

/// Shows the text and asks. What is asked goes to stderr, so that stdout has data alone.
fn is_wanted(
    out: Out,
    version: &MinutesVersion,
    number: i32,
    hash: &str,
    units: &Units,
) -> Result<bool, Failure> {
    let content = version.content.clone().unwrap_or_default();
    let text = file::text(&content, None, "", units);
    let facts = pairs(&[
        (out.label("minutes", "纪要"), version.name.clone()),
        (out.label("version", "版本"), number.to_string()),
        ("SHA-256", hash.to_owned()),
        (
            out.label("what changed", "修改说明"),
            version.change_note.clone(),
        ),
    ]);
    eprint_all(&format!("{}\n{facts}", many_lines(&text)));
    let question = out.label(
        "Consent to exactly this version in the unit's name? Type yes: ",
        "以本单位名义同意这一版本？请输入 yes 或“同意”：",
    );
    eprint_all(question);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["yes", "同意"].contains(&answer.trim()))
}

fn eprint_all(text: &str) {
    use std::io::Write as _;
    // Nobody can be told when stderr is closed.
    let _closed = write!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use hub_proto::meetings::MinutesContent;

    use super::*;

    fn version() -> MinutesVersion {
        let content = MinutesContent {
            title: "纪要".into(),
            ..MinutesContent::default()
        };
        MinutesVersion {
            name: "meetings/m/minutes/1/versions/2".into(),
            content_sha256: content_sha256(&content),
            content: Some(content),
            ..MinutesVersion::default()
        }
    }

    #[test]
    fn a_text_that_is_not_the_hash_is_never_consented_to() {
        let good = version();
        assert_eq!(checked(&good, None).unwrap(), good.content_sha256);
        let upper = good.content_sha256.to_uppercase();
        assert_eq!(checked(&good, Some(&upper)).unwrap(), good.content_sha256);
        assert!(checked(&good, Some(&"0".repeat(64))).is_err());
        let mut other = version();
        if let Some(content) = &mut other.content {
            content.title.push('改');
        }
        let error = checked(&other, None).unwrap_err();
        assert!(matches!(
            error,
            Failure::Client(agency_client::ClientError::Verification(_))
        ));
    }
}
