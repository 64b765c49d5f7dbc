//! `attach upload | list | get`: files of notifications.

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use agency_client::{
    Client, ClientError,
    attachments::{Phase, Progress},
};
use hub_core::crypto::{Sha256, hex};
use hub_proto::channels::Attachment;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    Context,
    args::attach::{AttachCommand, GetArgs},
    json,
    output::{Done, Failure, Out},
    table::{Table, one_line},
};

/// Fewest digits of a SHA-256 that name an attachment.
const DIGITS_MIN: usize = 6;
/// Longest name of a file here, in bytes: 255 is what file systems take, less room for `.part` and for
/// a digest in front.
const NAME_BYTES_MAX: usize = 230;
/// Longest ending of a file that is kept when its name is cut, in bytes.
const ENDING_BYTES_MAX: usize = 16;
/// How much of a file is read at once to hash it, in bytes.
const HASH_BYTES: usize = 1024 * 1024;

pub(crate) async fn run(context: &Context, command: AttachCommand) -> Done {
    match command {
        AttachCommand::Upload { files } => {
            let client = context.client()?;
            let attachments = upload(context.out, &client, &files).await?;
            show(context.out, &attachments)
        }
        AttachCommand::List { name } => {
            let attachments = of(&context.client()?, &name).await?;
            show(context.out, &attachments)
        }
        AttachCommand::Get(args) => get(context, args).await,
    }
}

/// Uploads files, one after the other, with a bar for each on a terminal.
pub(crate) async fn upload(
    out: Out,
    client: &Client,
    files: &[PathBuf],
) -> Result<Vec<Attachment>, Failure> {
    let mut attachments = vec![];
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let bar = bar(out, &name);
        let moved = bar.clone();
        let uploaded = client
            .attachments()
            .upload(file, move |progress| show_progress(&moved, progress))
            .await;
        bar.finish_and_clear();
        attachments.push(uploaded?);
    }
    Ok(attachments)
}

/// A bar on a terminal, nothing anywhere else.
fn bar(out: Out, name: &str) -> ProgressBar {
    if out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(0);
    let template = "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
    // The template is a constant; were it wrong, the default style would do.
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.set_prefix(one_line(name));
    bar
}

fn show_progress(bar: &ProgressBar, progress: Progress) {
    if progress.phase == Phase::Transferring {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.done_bytes);
    }
}

async fn of(client: &Client, name: &str) -> Result<Vec<Attachment>, Failure> {
    if name.starts_with("referrals/") {
        let referral = client.referrals().get(name).await?;
        let results = referral.results.into_iter();
        let fed_back = results.flat_map(|result| result.attachments);
        return Ok(referral.attachments.into_iter().chain(fed_back).collect());
    }
    let answer = client.channels().notification(name).await?;
    Ok(answer.notification.unwrap_or_default().attachments)
}

fn show(out: Out, attachments: &[Attachment]) -> Done {
    if out.json {
        let values: Vec<Value> = attachments.iter().map(json::attachment).collect();
        return out.value(&json!({ "attachments": values }));
    }
    let mut table = Table::new(&[
        out.label("file", "文件"),
        out.label("bytes", "字节"),
        out.label("type", "类型"),
        "SHA-256",
    ])
    .elastic(&[0, 2])
    .tail();
    for file in attachments {
        table.row(vec![
            file.file_name.clone(),
            file.size_bytes.to_string(),
            file.media_type.clone(),
            file.sha256.clone(),
        ]);
    }
    out.text(table.render(out.look))
}

async fn get(context: &Context, args: GetArgs) -> Done {
    let client = context.client()?;
    let all = of(&client, &args.name).await?;
    let chosen = chosen(&all, args.which.as_deref(), args.all, &args.name)?;
    fs::create_dir_all(&args.to).map_err(|error| {
        Failure::Client(ClientError::LocalFile {
            path: args.to.clone(),
            problem: error.to_string(),
        })
    })?;
    let mut files = vec![];
    for attachment in chosen {
        let (path, is_there) = place(context.out, &args.to, attachment, &files)?;
        if is_there {
            files.push(path);
            continue;
        }
        let bar = bar(context.out, &attachment.file_name);
        let moved = bar.clone();
        let downloaded = client
            .attachments()
            .download(&args.name, attachment, &path, move |progress| {
                show_progress(&moved, progress);
            })
            .await;
        bar.finish_and_clear();
        downloaded?;
        files.push(path);
    }
    let shown = |path: &PathBuf| path.display().to_string();
    context.out.either(
        || json!({ "files": files.iter().map(shown).collect::<Vec<_>>() }),
        || {
            files
                .iter()
                .map(|path| one_line(&shown(path)) + "\n")
                .collect()
        },
    )
}

/// Where an attachment goes, and whether it is there already. The sender chose its name: a file of the
/// user's that has this name is never replaced.
fn place(
    out: Out,
    folder: &Path,
    attachment: &Attachment,
    taken: &[PathBuf],
) -> Result<(PathBuf, bool), Failure> {
    let name = local_name(attachment, taken);
    let wanted = folder.join(&name);
    let Some(is_same) = holds(&wanted, attachment)? else {
        return Ok((wanted, false));
    };
    if is_same {
        return Ok((wanted, true));
    }
    let beside = folder.join(format!("{}-{name}", digits(attachment)));
    let is_there = match holds(&beside, attachment)? {
        None => false,
        Some(true) => true,
        Some(false) => {
            let paths = [&wanted, &beside].map(|path| path.display().to_string());
            return Err(Failure::usage(
                format!(
                    "{} are there already with other content: choose another --to",
                    paths.join(" and ")
                ),
                format!(
                    "{} 均已存在且内容不同：请用 --to 另选文件夹",
                    paths.join("、")
                ),
            ));
        }
    };
    out.remark(
        format_args!(
            "{} is there already with other content and stays: see {}",
            wanted.display(),
            beside.display()
        ),
        format_args!(
            "{} 已存在且内容不同，予以保留：另存为 {}",
            wanted.display(),
            beside.display()
        ),
    );
    Ok((beside, is_there))
}

/// Whether a file is this attachment; `None` when nothing is there.
fn holds(path: &Path, attachment: &Attachment) -> Result<Option<bool>, Failure> {
    let held = (|| {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
            Ok(found) if !found.is_file() => return Ok(Some(false)),
            Ok(found) if i64::try_from(found.len()) != Ok(attachment.size_bytes) => {
                return Ok(Some(false));
            }
            Ok(_) => {}
        }
        let mut file = fs::File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; HASH_BYTES];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Some(hex(&hash.finish()) == attachment.sha256));
            }
            hash.update(buffer.get(..count).unwrap_or_default());
        }
    })();
    held.map_err(|error| {
        Failure::Client(ClientError::LocalFile {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    })
}

/// The attachments that were asked for: by file name, by SHA-256 or its beginning, or all.
fn chosen<'a>(
    all: &'a [Attachment],
    which: Option<&str>,
    is_all: bool,
    name: &str,
) -> Result<Vec<&'a Attachment>, Failure> {
    let found: Vec<&Attachment> = match which {
        None if is_all || all.len() == 1 => all.iter().collect(),
        None if all.is_empty() => vec![],
        None => {
            let count = all.len();
            return Err(Failure::usage(
                format!(
                    "{name} has {count} attachments: name one, or say --all; `agency attach list` \
                     shows them"
                ),
                format!(
                    "{name} 有 {count} 个附件：请指明其一或加 --all；用 agency attach list 查看"
                ),
            ));
        }
        Some(which) => all
            .iter()
            .filter(|file| {
                file.file_name == which
                    || (which.len() >= DIGITS_MIN && file.sha256.starts_with(which))
            })
            .collect(),
    };
    if found.is_empty() {
        let what = which.unwrap_or("any");
        return Err(Failure::usage(
            format!("{name} has no attachment {what}: `agency attach list {name}` shows them"),
            format!("{name} 没有附件 {what}：用 agency attach list {name} 查看"),
        ));
    }
    Ok(found)
}

/// The name of a file here. The hub lets no name with `/` or `\` through; should one come all the same,
/// only its last part is used, so that nothing is written elsewhere.
fn local_name(attachment: &Attachment, taken: &[PathBuf]) -> String {
    let last = attachment.file_name.rsplit(['/', '\\']).next();
    let name = last.unwrap_or_default().trim_start_matches('.');
    let digest = digits(attachment);
    let is_taken = |name: &str| {
        taken
            .iter()
            .any(|path| path.file_name() == Path::new(name).file_name())
    };
    let name = shortened(name);
    // A download is kept as `{file}.part` until it is whole; that must not be another one's place.
    match name.as_str() {
        "" => digest,
        name if is_taken(name) || is_taken(&format!("{name}.part")) => format!("{digest}-{name}"),
        name => name.to_owned(),
    }
}

/// What tells an attachment from others of its name.
fn digits(attachment: &Attachment) -> String {
    attachment.sha256.chars().take(12).collect()
}

/// A name that file systems take, with its ending: they count bytes, the hub counts characters.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= ENDING_BYTES_MAX => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let mut end = NAME_BYTES_MAX - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem.get(..end).unwrap_or_default().to_owned() + &ending
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, sha256: &str) -> Attachment {
        Attachment {
            file_name: name.into(),
            sha256: sha256.into(),
            ..Attachment::default()
        }
    }

    #[test]
    fn one_is_chosen_by_name_or_digest_and_several_need_a_word() {
        let two = [file("a.pdf", "aaaaaaaa"), file("b.pdf", "bbbbbbbb")];
        let names = |which, is_all| {
            chosen(&two, which, is_all, "n").map(|found| {
                found
                    .iter()
                    .map(|file| file.file_name.clone())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(names(Some("b.pdf"), false).unwrap(), ["b.pdf"]);
        assert_eq!(names(Some("aaaaaa"), false).unwrap(), ["a.pdf"]);
        assert_eq!(names(None, true).unwrap().len(), 2);
        for which in [None, Some("aaa"), Some("c.pdf")] {
            assert!(
                matches!(names(which, false), Err(Failure::Usage { .. })),
                "{which:?}"
            );
        }
        assert_eq!(chosen(&two[..1], None, false, "n").unwrap().len(), 1);
    }

    #[test]
    fn no_name_leads_out_of_the_folder_and_none_is_written_twice() {
        for (name, local) in [
            ("报告.pdf", "报告.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..", "0123456789ab"),
            (".bashrc", "bashrc"),
            ("c:\\x\\y.txt", "y.txt"),
        ] {
            assert_eq!(local_name(&file(name, "0123456789abcdef"), &[]), local);
        }
        let taken = [PathBuf::from("out/a.pdf")];
        assert_eq!(
            local_name(&file("a.pdf", "0123456789abcdef"), &taken),
            "0123456789ab-a.pdf"
        );
        let taken = [PathBuf::from("out/a.part")];
        assert_eq!(
            local_name(&file("a", "0123456789abcdef"), &taken),
            "0123456789ab-a"
        );
    }

    #[test]
    fn a_long_name_is_cut_to_what_file_systems_take() {
        let long = "报".repeat(196) + ".pdf";
        let local = local_name(&file(&long, "0123456789abcdef"), &[]);
        assert_eq!(local, "报".repeat(75) + ".pdf");
        let folder = tempfile::tempdir().unwrap();
        let again = local_name(&file(&long, "0123456789abcdef"), &[local.into()]);
        fs::write(folder.path().join(again + ".part"), "").unwrap();
    }
}
