//! Prints what the table says of a target, for `scripts/fuzz.sh`: its dictionary in libFuzzer's form, or with
//! `--max-len` after its name the longest input. Without a name: the names of all.

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
    if std::env::args().nth(2).as_deref() == Some("--max-len") {
        println!("{}", target.input_bytes_max);
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
