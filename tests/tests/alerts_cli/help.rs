//! What the command line says of itself about alerts.

use hub_tests::desk::{bare, code, err};

#[test]
fn completion_and_manual_know_the_noun() {
    let script = bare(&["completion", "bash"]).output().unwrap();
    assert_eq!(code(&script), 0, "{}", err(&script));
    let script = String::from_utf8(script.stdout).unwrap();
    for word in [
        "acknowledge",
        "in-flight",
        "unacknowledged-by",
        "needs-information",
    ] {
        assert!(script.contains(word), "{word}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = bare(&["man", "--to"]).arg(folder.path()).output().unwrap();
    assert_eq!(code(&pages), 0, "{}", err(&pages));
    for page in ["agency-alert-load.1", "agency-alert-notice-sign.1"] {
        assert!(folder.path().join(page).exists(), "{page}");
    }
}

#[test]
fn the_columns_of_a_file_are_explained_in_both_languages() {
    for (lang, expected) in [
        ("en", "both check characters right"),
        ("zh", "两个校验码均须正确"),
    ] {
        let help = bare(&["--lang", lang, "help", "alert-file"])
            .output()
            .unwrap();
        assert_eq!(code(&help), 0, "{}", err(&help));
        let help = String::from_utf8(help.stdout).unwrap();
        for text in [expected, "amount_band", "金额档", "--again"] {
            assert!(help.contains(text), "{text} in\n{help}");
        }
    }
}
