//! The commands `hub backup` and `hub restore`. Data goes to stdout, progress and warnings to stderr.

use std::{
    io::{IsTerminal as _, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;

use super::{
    BackedUp, BackupOptions, backup,
    restore::{RestoreOptions, Restored, restore},
};
use crate::{cli::start_log, config::Config};

/// `hub backup`
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 refused or failed, or attachments of the hub are \
                        damaged and left out, 2 wrong usage."
)]
pub struct BackupCommand {
    /// The settings file.
    #[arg(long, env = "HUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// The backup's folder. An earlier backup of the same hub in it is brought up to date.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Read the finished backup again and check it as `hub fsck` does.
    #[arg(long)]
    verify: bool,
    /// Remove attachments from the backup that the hub no longer has.
    #[arg(long)]
    prune: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// `hub restore`
#[derive(Debug, Args)]
pub struct RestoreCommand {
    /// The settings file; it names the data folder, which must be empty, and the ledger's key.
    #[arg(long, env = "HUB_CONFIG", default_value = "hub.toml")]
    config: PathBuf,
    /// The backup's folder.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Restore only the first N entries: the hub as it was then.
    #[arg(long, value_name = "N")]
    to_index: Option<u64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Tells a person at a terminal how far the work is; a log file is spared it.
fn progress(command: &'static str) -> impl FnMut(String) {
    let is_terminal = std::io::stderr().is_terminal();
    move |text| {
        if is_terminal {
            // The work goes on when nobody hears how far it is.
            drop(writeln!(std::io::stderr(), "{command}: {text}"));
        }
    }
}

fn json(done: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, done)?;
    Ok(writeln!(out)?)
}

impl BackupCommand {
    /// Backs up. Answers whether everything is in the backup.
    ///
    /// # Errors
    /// As [`backup`].
    pub fn run(self) -> anyhow::Result<bool> {
        let config = Config::read(&self.config)?;
        start_log(&config.log)?;
        let options = BackupOptions {
            to: self.to,
            verify: self.verify,
            prune: self.prune,
        };
        let done = backup(&config, &options, &mut progress("hub backup"))?;
        for name in &done.attachments_damaged {
            writeln!(
                std::io::stderr(),
                "hub: warning: the attachment {name} is damaged on the hub and was left out"
            )?;
        }
        if self.json {
            json(&done)?;
        } else {
            backed_up(&done, &mut std::io::stdout().lock())?;
        }
        Ok(done.attachments_damaged.is_empty())
    }
}

fn backed_up(done: &BackedUp, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{}", done.folder.display())?;
    writeln!(
        out,
        "  {} entries in {} segments, {} bytes; {} segments written now",
        done.entries, done.segments, done.bytes, done.segments_written
    )?;
    if done.attachments_copied {
        writeln!(
            out,
            "  {} attachments, {} of them written now, {} removed",
            done.attachments, done.attachments_written, done.attachments_removed
        )?;
    } else {
        writeln!(
            out,
            "  attachments are in a store of their own, and not in this backup"
        )?;
    }
    writeln!(out, "  root {}", done.root)?;
    if done.verified {
        writeln!(out, "  read again and verified")?;
    }
    writeln!(
        out,
        "Keep the settings, the charter and above all the ledger key by other means: they are not \
         in it."
    )
}

impl RestoreCommand {
    /// Restores.
    ///
    /// # Errors
    /// As [`restore`].
    pub fn run(self) -> anyhow::Result<()> {
        let config = Config::read(&self.config)?;
        start_log(&config.log)?;
        let options = RestoreOptions {
            from: self.from,
            to_index: self.to_index,
        };
        let done = restore(&config, &options, &mut progress("hub restore"))?;
        warn(&done, &mut std::io::stderr())?;
        if self.json {
            return json(&done);
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", done.folder.display())?;
        writeln!(
            out,
            "  {} entries, {} rows, {} attachments, as of the backup of {}",
            done.entries, done.rows, done.attachments, done.backup_created_at
        )?;
        writeln!(out, "  root {}", done.root)?;
        writeln!(out, "  checked by fsck; the hub can be started")?;
        Ok(())
    }
}

/// What a ledger that went back means for others.
fn warn(done: &Restored, out: &mut dyn Write) -> std::io::Result<()> {
    if done.entries_left_out > 0 {
        writeln!(
            out,
            "hub: warning: {} entries of the backup were left out{}",
            done.entries_left_out,
            if done.signed_anew {
                "; the tree of the others was signed anew with the ledger key"
            } else {
                ""
            }
        )?;
    }
    if !done.attachments_copied {
        writeln!(
            out,
            "hub: warning: attachments are not in this backup; restore their store by its own means"
        )?;
    }
    writeln!(
        out,
        "hub: warning: THE LEDGER WENT BACK TO {} ENTRIES. What was recorded after them is gone, and \
         members were given receipts for it. Their clients remember later checkpoints and will \
         report HISTORY_REWRITTEN, as they should. Tell every member what was lost before the hub \
         is started; see \"Restoring\" in docs/OPERATIONS.md.",
        done.entries
    )
}
