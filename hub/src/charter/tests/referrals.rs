//! Settings for referrals: soft times and routes.

use jiff::SignedDuration;

use super::{rules::breaks, *};

#[test]
fn fs_036_in_shanxi_every_member_may_refer_to_every_other() {
    let charter = shanxi();
    let rules = charter.referrals();
    assert_eq!(rules.acknowledge(), SignedDuration::from_hours(24));
    assert_eq!(rules.answer(), SignedDuration::from_hours(168));
    assert_eq!(rules.result(), SignedDuration::from_hours(2_160));
    assert!(rules.is_route(&id("pboc-branch"), &id("public-security")));
    assert!(rules.is_route(&id("tax"), &id("pboc-branch")));
}

#[test]
fn another_province_closes_routes() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap();
    let rules = charter.referrals();
    assert_eq!(rules.acknowledge(), SignedDuration::from_hours(12));
    assert_eq!(
        rules.answer(),
        SignedDuration::from_hours(168),
        "the default"
    );
    assert!(rules.is_route(&id("registry"), &id("sports")));
    assert!(!rules.is_route(&id("registry"), &id("coordination-group")));
    assert!(
        rules.is_route(&id("sports"), &id("registry")),
        "none is named"
    );
}

#[test]
fn settings_for_referrals_keep_their_rules() {
    let from = "result_hours = 2160";
    for hours in ["0", "8785"] {
        let to = format!("result_hours = {hours}");
        breaks(from, &to, 0, "referrals.result_hours");
    }
    let with = |routes: &str| format!("{from}\nroutes = [{routes}]");
    for (routes, path) in [
        (
            "{ from = \"unknown\", to = [\"tax\"] }",
            "referrals.routes[0].from",
        ),
        (
            "{ from = \"tax\", to = [\"unknown\"] }",
            "referrals.routes[0].to[0]",
        ),
        (
            "{ from = \"tax\", to = [\"tax\"] }",
            "referrals.routes[0].to[0]",
        ),
        (
            "{ from = \"tax\", to = [\"health\"] }, { from = \"tax\", to = [] }",
            "referrals.routes[1].from",
        ),
    ] {
        breaks(from, &with(routes), 1, path);
    }
}

#[test]
fn the_category_of_referrals_is_the_hubs_own() {
    let rule = breaks(
        "id = \"coordination\"",
        "id = \"referral\"",
        0,
        "categories[24].id",
    );
    assert!(rule.contains("hub's own"), "{rule}");
}
