//! Makes all documents from minutes in their JSON form:
//!
//! `cargo run -p hub-documents --example render -- <minutes.json> <folder> [<font folder>]`
//!
//! Writes `<name>.md`, `<name>.docx` and `<name>.pdf` into the folder, with an audit page if the
//! minutes have what it shows.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use hub_documents::{AuditPage, FontFamilies, Fonts, Minutes, docx, font_folders, markdown, pdf};

fn main() -> ExitCode {
    match render() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("render: {error}");
            ExitCode::FAILURE
        }
    }
}

fn render() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("give the minutes and a folder".into());
    };
    let fonts = arguments.next();
    let minutes: Minutes = serde_json::from_slice(&fs::read(&input)?)?;
    let audit_page = match &minutes.audit {
        Some(_) => AuditPage::Appended,
        None => AuditPage::Omitted,
    };
    let minutes = minutes.check(audit_page)?;
    let name = input.file_stem().ok_or("the minutes' file has no name")?;
    let out = |end: &str| folder.join(Path::new(name).with_extension(end));
    fs::create_dir_all(&folder)?;
    fs::write(out("md"), markdown(&minutes))?;
    fs::write(out("docx"), docx(&minutes)?)?;
    let home = env::home_dir();
    let folders = font_folders(fonts.as_deref(), home.as_deref());
    let fonts = Fonts::find(&folders, &FontFamilies::default())?;
    fs::write(out("pdf"), pdf(&minutes, &fonts)?)?;
    Ok(())
}
