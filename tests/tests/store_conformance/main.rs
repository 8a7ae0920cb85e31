//! One suite for every store: what `Store`, `Tx` and `Transaction` promise. A store joins by a [`Lab`] and a line below.

mod aggregates;
mod atomicity;
mod changes;
#[allow(dead_code)]
#[path = "../../../examples/file_store.rs"]
mod file_store;
mod lab;
mod models;
mod related;
mod rows;
mod transactions;
mod uniqueness;

use std::sync::Arc;
use std::time::Duration;

use modeller::store::Store;

use lab::{File, Lab};

/// The store of the example, in a directory of its own.
pub struct Lines(pub File);

impl Lab for Lines {
    fn open(&self, timeout: Duration) -> Arc<dyn Store> {
        let store = crate::file_store::FileStore::open(self.0.0.join("lines.jsonl")).unwrap();
        Arc::new(store.transaction_timeout(timeout))
    }
}

macro_rules! suite {
    ($($store:ident: $lab:expr, [$($module:ident: $($case:ident)*;)*])*) => {$(
        mod $store {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    let lab = $lab;
                    crate::$module::$case(&lab).await;
                }
            )*)*
        }
    )*};
}

macro_rules! for_stores {
    ($($store:ident: $lab:expr;)*) => {
        suite! {$($store: $lab, [
            rows:
                rows_come_back_as_they_were_stored
                a_read_selects_sorts_and_pages
                an_update_changes_what_differs_and_nothing_else
                a_document_that_changed_meanwhile_is_not_overwritten
                readers_see_whole_transactions_only
                many_scans_at_once_are_answered
                a_read_stops_when_no_more_rows_are_wanted
                a_model_that_was_not_migrated_is_refused
                words_and_positions_follow_every_write;
            aggregates:
                figures_over_all_rows_and_over_none
                groups_have_keys_and_figures_in_order
                distinct_values_count_once
                sums_are_exact_or_refused
                a_transaction_sees_its_own_rows_in_figures
                more_groups_than_an_answer_holds_are_refused;
            uniqueness:
                a_unique_field_is_unique
                an_id_is_unique
                several_fields_are_unique_together
                a_set_with_a_null_never_collides
                the_trash_does_not_count
                the_message_tells_no_value
                of_100_racing_inserts_one_wins;
            atomicity:
                a_work_sees_its_own_writes
                a_failed_work_leaves_no_trace
                neighbours_of_a_failed_work_are_not_disturbed
                a_panic_fails_its_own_work_only
                a_single_work_that_fails_after_its_change_is_undone
                a_work_that_waits_for_something_else_is_waited_for
                a_work_that_waits_for_ever_is_undone_and_others_go_on
                numbers_are_never_given_twice
                a_unique_number_that_a_caller_took_is_not_given
                everything_accepted_is_written_before_close;
            transactions:
                a_transaction_commits_as_one
                a_dropped_transaction_is_undone
                a_failed_step_does_not_end_the_transaction
                a_transaction_that_takes_too_long_is_undone_and_others_go_on
                others_wait_for_an_open_transaction;
            related:
                rows_are_selected_by_rows_of_other_models
                a_view_answers_what_several_reads_found;
            changes:
                every_change_is_logged_in_order
                the_trash_is_a_deletion_and_back_an_insertion
                a_page_of_changes_holds_whole_transactions
                a_position_outside_the_log_is_refused
                undoing_the_log_gives_every_earlier_state;
        ])*}
    };
}

for_stores! {
    sqlite_file: crate::lab::File::new();
    sqlite_memory: crate::lab::Memory;
    // The example: what it shows must hold.
    file_of_lines: crate::Lines(crate::lab::File::new());
}
