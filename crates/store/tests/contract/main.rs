//! The store contract: what the engine and the protocol rely on, on every database.
//!
//! Each test is written once and run on a SQLite file, on SQLite in memory and on PostgreSQL, with a database of its
//! own. PostgreSQL's address comes from `VESTIBULE_TEST_POSTGRES` (`.ci/with-postgres cargo test` sets it); when it is
//! missing the tests fail and say so, unless `VESTIBULE_SKIP_POSTGRES=1` says that they shall not run.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says when it is skipped"
)]

mod audit;
mod chains;
mod devices;
mod directory;
mod operation;
mod outbox;
mod place;
mod races;
mod samples;
mod tallies;
mod verbs;

/// Runs each test on every database.
macro_rules! everywhere {
    ($($module:ident { $($test:ident)* })*) => {
        everywhere! { @on sqlite_file { $($module { $($test)* })* } }
        everywhere! { @on sqlite_memory { $($module { $($test)* })* } }
        everywhere! { @on postgres { $($module { $($test)* })* } }
    };
    (@on $kind:ident { $($module:ident { $($test:ident)* })* }) => {
        mod $kind {
            $($(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(place) = crate::place::$kind(stringify!($test)) {
                        crate::$module::$test(place).await;
                    }
                }
            )*)*
        }
    };
}

everywhere! {
    chains {
        a_draft_is_kept_until_it_is_discarded
        the_history_of_a_chain_is_read_page_by_page
        those_who_lack_every_means_are_counted
    }
    verbs {
        a_user_is_found_by_id_and_by_every_login_name
        a_login_name_has_one_owner
        a_changed_user_gives_up_the_names_that_they_no_longer_have
        users_are_listed_page_by_page
        credentials_come_oldest_first_and_are_renewed_by_version
        a_credential_belongs_to_an_existing_user
        a_chain_has_numbered_revisions
        a_chain_made_again_goes_on_counting
        connections_are_kept_whole
        every_change_of_configuration_is_noticed
        an_interaction_advances_by_one_version
        a_challenge_is_kept_whole
        tries_are_counted_until_the_challenge_is_dead
        a_send_is_counted_once_and_a_refused_one_is_taken_back
        a_challenge_is_spent_once
        a_send_is_found_by_its_reference_and_who_carried_it_and_settled_once
        a_session_is_renewed_by_generation
        a_session_ends_once
        the_sessions_of_a_user_are_those_that_live
        a_budget_is_replaced_and_forgotten
        the_audit_log_is_read_from_its_end
        clients_are_kept_and_deleting_one_takes_what_it_was_given
        what_a_file_declares_is_known_until_it_is_let_go
        signing_keys_are_kept_whole
        a_grant_is_revoked_once
        a_session_takes_its_grants_along_but_for_offline_ones
        withdrawing_a_consent_revokes_what_it_gave
        a_refresh_family_moves_only_from_where_it_stands
        a_code_is_spent_once
        a_consent_is_kept_until_it_is_withdrawn
        what_a_user_gave_to_whom_is_listed
        an_assertion_is_used_once_by_each_client
        a_revoked_token_is_known
        what_ended_is_swept_and_what_lives_is_not
        a_sweep_is_bounded
        a_spent_code_is_known_for_a_day
    }
    audit {
        sealed_rows_are_numbered_in_the_order_of_time
        of_many_sealers_each_row_is_sealed_by_one
        a_mark_moves_only_from_where_it_stands
        every_filter_gives_what_it_says_page_by_page
    }
    devices {
        a_device_is_used_once_by_generation
        a_device_is_forgotten_once_and_never_used_again
        the_devices_of_a_user_are_theirs_and_live
        a_disabled_user_has_nothing_left
        a_device_that_ended_is_swept
    }
    directory {
        users_are_found_by_name_group_role_and_state
        a_141_a_deleted_user_leaves_nothing
        a_link_is_used_once_for_what_it_is_for_and_the_last_alone
        a_receipt_is_opened_once_and_its_answer_is_kept
        everybody_who_is_signed_in_is_listed_page_by_page
    }
    tallies {
        tallies_are_added_up_and_read_by_time_and_by_subject
        tallies_of_two_who_count_at_once_are_all_there
        hours_are_kept_for_a_week_and_days_for_a_year
        who_has_no_second_factor_is_listed
        who_never_signed_in_is_listed
    }
    outbox {
        a_message_waits_until_it_is_due_and_is_kept_whole
        a_message_is_taken_once_and_is_due_again_when_nobody_removes_it
        a_message_of_yesterday_is_swept
    }
    races {
        one_message_is_taken_by_one_of_sixteen
        a_024_one_code_is_spent_once_by_sixteen
        a_074_one_challenge_is_spent_once_by_sixteen
        a_064_tries_never_exceed_their_limit
        of_sixteen_tabs_one_advances_the_interaction
        a_026_of_sixteen_refreshes_one_moves_the_family
        a_031_one_assertion_is_used_once_by_sixteen
        of_sixteen_one_takes_the_name
        one_budget_counts_all_sixteen
        of_sixteen_publications_none_is_lost
    }
    operation {
        a_failed_write_leaves_nothing
        a_panic_undoes_its_own_write_alone
        an_error_of_the_database_cannot_be_overlooked
        a_conflict_can_be_overlooked
        a_reader_leaves_nothing
    }
}

/// What needs a database that can be opened again.
mod lasting {
    macro_rules! lasting {
        ($($test:ident)*) => {
            mod sqlite_file { $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    let place = crate::place::sqlite_file(stringify!($test)).unwrap();
                    crate::operation::$test(place).await;
                }
            )* }
            mod postgres { $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    if let Some(place) = crate::place::postgres(stringify!($test)) {
                        crate::operation::$test(place).await;
                    }
                }
            )* }
        };
    }

    lasting! {
        what_was_written_is_there_after_a_restart
        a_132_another_master_key_is_refused
        a_137_no_secret_is_in_the_database
        a_sealed_value_opens_in_its_own_row_alone
        migrations_go_up_and_down_and_up
        a_131_a_newer_schema_is_refused
        a_131_of_many_first_starts_all_agree
        pending_migrations_are_not_run_unasked
    }
}
