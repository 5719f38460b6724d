//! The macros that hold each query once and compile it for both databases.
//!
//! Diesel checks a query against a concrete connection, and a bound that says "either" in generics is longer than the
//! queries. So the text is written once, inside [`on_both!`], and the compiler reads it twice.

/// Compiles items for both databases, into the modules `sqlite` and `postgres`. `Tx` is the transaction of that
/// database, and `Connection` its connection.
macro_rules! on_both {
    ($($item:item)*) => {
        pub(crate) mod sqlite {
            #[allow(unused_imports, reason = "not every file needs both types and everything around them")]
            use super::*;
            #[allow(dead_code, reason = "see above")]
            type Connection = diesel::SqliteConnection;
            #[allow(dead_code, reason = "see above")]
            type Tx = crate::tx::Tx<Connection>;
            $($item)*
        }
        pub(crate) mod postgres {
            #[allow(unused_imports, reason = "not every file needs both types and everything around them")]
            use super::*;
            #[allow(dead_code, reason = "see above")]
            type Connection = diesel::PgConnection;
            #[allow(dead_code, reason = "see above")]
            type Tx = crate::tx::Tx<Connection>;
            $($item)*
        }
    };
}

/// Implements a trait of verbs for the transactions of both databases: each verb is the function of that name in its
/// aggregate's file, and what fails in it is noted in the transaction.
macro_rules! verbs {
    ($trait:path { $($verbs:tt)* }) => {
        verbs! { @for sqlite, diesel::SqliteConnection, $trait { $($verbs)* } }
        verbs! { @for postgres, diesel::PgConnection, $trait { $($verbs)* } }
    };
    (@for $backend:ident, $connection:ty, $trait:path {
        $($table:ident { $(fn $verb:ident($($argument:ident: $type:ty),*) -> $result:ty;)* })*
    }) => {
        impl $trait for Tx<$connection> {
            $($(
                fn $verb(&mut self, $($argument: $type),*) -> StoreResult<$result> {
                    let result = tables::$table::$backend::$verb(self, $($argument),*);
                    self.noted(result)
                }
            )*)*
        }
    };
}
