//! What account information needs besides (FS-053, X-009).

use super::*;

#[test]
fn fs_053_account_information_needs_an_open_case_that_names_the_organisation() {
    let store = store();
    let mut bench = Bench::new(&store);
    let at = |field: &str| format!("information_request.{field}");
    let bare = bench.inquiry(1, |draft| draft.account = None);
    breaks(bare, &at("account"), "FS-053");
    let data = bench.draft(1, |draft| draft.account = inquiry(1).account);
    breaks(data, &at("account"), "must be empty");
    let case = at("account.case_opened.organizations");
    let other = bench.inquiry(1, |draft| {
        account(draft).organizations = vec!["52100000500008957Y".into()];
    });
    breaks(other, &case, "not involved in this case");
    for organizations in [vec![], vec![ORGANIZATION.to_owned(), "52".to_owned()]] {
        let not_one = bench.inquiry(1, |draft| draft.organizations = organizations);
        breaks(not_one, &at("organizations"), "exactly one");
    }
    let later = bench.inquiry(1, |draft| account(draft).opened_on = day("2025-09-25"));
    breaks(later, &at("account.case_opened.opened_on"), "FS-053");
    bench
        .inquiry(1, |draft| account(draft).opened_on = day("2025-09-24"))
        .unwrap();
    // A draft declares nothing: one with a wrong day binds nobody, whether it is rejected or waits.
    bench.inquiry(5, |_| {}).unwrap();
    let decide =
        |bench: &mut Bench<'_>, number, what| bench.act("public-security", "leader", number, what);
    let approve = || What::Approve(vec![]);
    decide(&mut bench, 1, What::Reject).unwrap();
    let close = || Command::CloseCase("某公立字〔2025〕7号".into());
    let none = bench.run("public-security", "clerk", close()).unwrap_err();
    assert_eq!(none.reason, Reason::NotFound, "nothing rests on it yet");
    let same = |draft: &mut Draft| account(draft).opened_on = day("2025-09-23");
    bench.inquiry(2, same).unwrap();
    decide(&mut bench, 2, approve()).unwrap();
    // From its first approval on, the case is as it was declared there.
    breaks(
        bench.inquiry(3, |_| {}),
        &at("account.case_opened"),
        "first time",
    );
    stops(decide(&mut bench, 5, approve()), "approved meanwhile");
    decide(&mut bench, 5, What::Reject).unwrap();
    // A closed case carries nothing any more: no draft, no approval, no answer.
    bench.inquiry(3, same).unwrap();
    let hidden = bench.run("tax", "clerk", close()).unwrap_err();
    assert_eq!(hidden.reason, Reason::NotFound, "another agency's case");
    bench.run("public-security", "clerk", close()).unwrap();
    let again = bench.run("public-security", "clerk", close()).unwrap();
    assert!(matches!(again, Decision::Already(_)));
    stops(bench.inquiry(4, same), "closed");
    stops(decide(&mut bench, 3, approve()), "closed");
    for what in [What::Consent(None), What::Consent(Some(vec![]))] {
        stops(bench.act("pboc-branch", "liaison", 2, what), "closed");
    }
    bench
        .act("pboc-branch", "liaison", 2, What::Refuse)
        .unwrap();
}

#[test]
fn fs_053_two_officers_and_the_approval_that_the_legal_basis_demands() {
    let store = store();
    let mut bench = Bench::new(&store);
    let at = |field: &str| format!("information_request.{field}");
    let one = bench.inquiry(1, |draft| {
        account(draft).officers.pop();
    });
    breaks(one, &at("account.officers"), "at least 2");
    let officer = |id: &str| id.parse().unwrap();
    let thrice = bench.inquiry(1, |draft| {
        account(draft).officers = vec![officer("a"), officer("b"), officer("a")];
    });
    breaks(thrice, &at("account.officers"), "twice");
    let level = bench.inquiry(1, |draft| {
        account(draft).approval_level = ApprovalLevel::AgencyHead;
    });
    breaks(level, &at("account.approval_level"), "FS-053");
    let later = bench.inquiry(1, |draft| account(draft).approved_on = day("2025-09-25"));
    breaks(later, &at("account.approved_on"), "FS-053");
    let unnamed = bench.inquiry(1, |draft| draft.has_instrument_basis = false);
    breaks(unnamed, &at("instrument_basis"), "statute");
    let free = bench.inquiry(1, |draft| draft.sharing = SharingAttribute::Unconditional);
    breaks(free, &at("sharing"), "CONDITIONAL");
    bench.inquiry(1, |_| {}).unwrap();
}

#[test]
fn x_009_account_information_is_asked_of_the_central_bank_on_a_power_of_ones_own() {
    let store = store();
    let mut bench = Bench::new(&store);
    let at = |field: &str| format!("information_request.{field}");
    let elsewhere = bench.inquiry(1, |draft| draft.provider = "tax".parse().unwrap());
    breaks(elsewhere, &at("provider"), "X-009");
    // Every power with every other agency.
    let agencies: Vec<String> = bench
        .charter
        .agencies()
        .iter()
        .map(|one| one.id().to_string())
        .collect();
    let powers: Vec<(String, String)> = bench
        .charter
        .legal_bases()
        .iter()
        .filter_map(|one| Some((one.id.clone(), one.requester.as_ref()?.to_string())))
        .collect();
    assert_eq!(powers.len(), 4);
    for agency in agencies.iter().filter(|one| *one != "pboc-branch") {
        for (power, of) in powers.iter().filter(|(_, of)| of != agency) {
            let wrong = bench.inquiry_of(agency, 1, |draft| {
                draft.legal_basis.clone_from(power);
                draft.has_instrument_basis = power == "public_security_case";
            });
            breaks(wrong, &at("legal_basis"), "FS-053");
            assert_ne!(of, agency);
        }
    }
    let unverified = bench.inquiry_of("tax", 1, |draft| {
        draft.legal_basis = "tax_collection".into();
        draft.has_instrument_basis = false;
        account(draft).approval_level = ApprovalLevel::BureauHead;
    });
    breaks(unverified, &at("legal_basis"), "unverified");
}

#[test]
fn fs_053_civil_affairs_asks_for_charities_only_and_with_the_governments_approval() {
    let store = store();
    let mut bench = Bench::new(&store);
    let at = |field: &str| format!("information_request.{field}");
    let charity = |draft: &mut Draft| {
        draft.legal_basis = "civil_affairs_charity".into();
        draft.has_instrument_basis = false;
        account(draft).approval_level = ApprovalLevel::Government;
        account(draft).is_charity = true;
    };
    let association = bench.inquiry_of("civil-affairs", 1, |draft| {
        charity(draft);
        account(draft).is_charity = false;
    });
    breaks(association, &at("account.is_charity"), "慈善法");
    let unapproved = bench.inquiry_of("civil-affairs", 1, |draft| {
        charity(draft);
        account(draft).approval_level = ApprovalLevel::AgencyHead;
    });
    breaks(unapproved, &at("account.approval_level"), "government");
    bench.inquiry_of("civil-affairs", 1, charity).unwrap();
}
