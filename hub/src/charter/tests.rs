use super::*;
const SHANXI: &str = include_str!("../../../charters/shanxi.toml");
const OTHER: &str = include_str!("../../testdata/charter-other-province.toml");
#[test]
fn parses() {
    for (t, n) in [(SHANXI, "charters/shanxi.toml"), (OTHER, "other.toml")] {
        if let Err(e) = Charter::parse(t, n) {
            panic!("{e}");
        }
    }
    let mut out = vec![];
    check_command(Path::new("../charters/shanxi.toml"), &mut out).unwrap();
    println!("{}", String::from_utf8(out).unwrap());
}
