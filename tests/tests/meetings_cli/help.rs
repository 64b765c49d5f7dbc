//! What the command line says of itself about meetings.

use hub_tests::desk::{bare, code, err};

#[test]
fn completion_and_manual_know_the_nouns() {
    let script = bare(&["completion", "bash"]).output().unwrap();
    assert_eq!(code(&script), 0, "{}", err(&script));
    let script = String::from_utf8(script.stdout).unwrap();
    for word in ["meeting", "minutes", "escalation", "as-answered"] {
        assert!(script.contains(word), "{word}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = bare(&["man", "--to"]).arg(folder.path()).output().unwrap();
    assert_eq!(code(&pages), 0, "{}", err(&pages));
    for page in [
        "agency-meeting-held.1",
        "agency-minutes-consent.1",
        "agency-issue-escalation-co-sign.1",
    ] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

#[test]
fn the_form_of_minutes_is_explained_in_both_languages() {
    for (lang, expected) in [("en", "## Agreed items"), ("zh", "## 议定事项")] {
        let help = bare(&["--lang", lang, "help", "minutes-file"])
            .output()
            .unwrap();
        assert_eq!(code(&help), 0, "{}", err(&help));
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(
            help.contains(expected) && help.contains("base_version"),
            "{help}"
        );
    }
}
