//! Prints what the table says of a target, for `scripts/fuzz.sh`: its dictionary in libFuzzer's form, or with
//! `--options` after its name libFuzzer's options. Without a name: the names of all.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program of developers: a failure ends it"
)]

fn main() {
    let Some(name) = std::env::args().nth(1) else {
        for target in hub_fuzz::TARGETS {
            println!("{}", target.name);
        }
        return;
    };
    let target = hub_fuzz::TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("there is no such target");
    if std::env::args().nth(2).as_deref() == Some("--options") {
        println!("-max_len={}", target.input_bytes_max);
        if target.is_wide {
            println!("-entropic=0\n-use_cmp=0\n-use_counters=0");
        }
        return;
    }
    for word in target.dictionary {
        let bytes = word.bytes().map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(byte)),
            b' '..=b'~' => char::from(byte).to_string(),
            other => format!("\\x{other:02X}"),
        });
        println!("\"{}\"", bytes.collect::<String>());
    }
}
