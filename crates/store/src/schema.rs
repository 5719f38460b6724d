//! The tables, as both databases have them: the types are those that mean the same in each.

diesel::table! {
    meta (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        body -> Text,
    }
}

diesel::table! {
    login_names (name) {
        name -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    credentials (id) {
        id -> Text,
        user_id -> Text,
        authenticator -> Text,
        label -> Nullable<Text>,
        secret -> Binary,
        version -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    chain_revisions (chain, revision) {
        chain -> Text,
        revision -> BigInt,
        body -> Text,
        published_at -> BigInt,
        author -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    chain_drafts (chain) {
        chain -> Text,
        base -> BigInt,
        author -> Nullable<Text>,
        updated_at -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    chains (name) {
        name -> Text,
        revision -> BigInt,
    }
}

diesel::table! {
    connections (name) {
        name -> Text,
        kind -> Text,
        settings -> Binary,
        disabled -> Bool,
    }
}

diesel::table! {
    interactions (id) {
        id -> Text,
        version -> BigInt,
        expires_at -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    challenges (id) {
        id -> Text,
        interaction_id -> Text,
        body -> Binary,
        sent -> Nullable<Text>,
        sent_at -> Nullable<BigInt>,
        sends -> BigInt,
        tries -> BigInt,
        max_tries -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        generation -> BigInt,
        seen -> Bool,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        body -> Text,
    }
}

diesel::table! {
    trusted_devices (id) {
        id -> Text,
        user_id -> Text,
        generation -> BigInt,
        used_at -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        body -> Text,
    }
}

diesel::table! {
    budgets (key) {
        key -> Text,
        count -> BigInt,
        since -> BigInt,
        blocked_until -> BigInt,
        forgotten_at -> BigInt,
    }
}

diesel::table! {
    audit_events (id) {
        id -> Text,
        at -> BigInt,
        body -> Text,
        proof -> Nullable<Binary>,
        seq -> Nullable<BigInt>,
        mac -> Nullable<Binary>,
        kind -> Nullable<Text>,
        user_id -> Nullable<Text>,
        actor_id -> Nullable<Text>,
        client -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        body -> Text,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Text,
        algorithm -> Text,
        pkcs8 -> Binary,
        created_at -> BigInt,
        activates_at -> BigInt,
        retires_at -> Nullable<BigInt>,
        removed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    grants (id) {
        id -> Text,
        client -> Text,
        user_id -> Text,
        session_id -> Text,
        offline -> Bool,
        generation -> BigInt,
        rotated_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        body -> Text,
    }
}

diesel::table! {
    codes (hash) {
        hash -> Text,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
        body -> Text,
    }
}

diesel::table! {
    consents (user_id, client) {
        user_id -> Text,
        client -> Text,
        scopes -> Text,
        agreed_at -> BigInt,
    }
}

diesel::table! {
    assertions (client, jti) {
        client -> Text,
        jti -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    revoked_tokens (jti) {
        jti -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    managed_objects (kind, name) {
        kind -> Text,
        name -> Text,
        source -> Text,
        applied_at -> BigInt,
    }
}

diesel::table! {
    user_facets (facet, term, user_id) {
        facet -> Text,
        term -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    user_groups (name) {
        name -> Text,
        members -> BigInt,
    }
}

diesel::table! {
    one_time_links (hash) {
        hash -> Text,
        purpose -> Text,
        user_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    receipts (key) {
        key -> Text,
        fingerprint -> Text,
        answer -> Nullable<Binary>,
        expires_at -> BigInt,
    }
}

diesel::table! {
    invitations (user_id) {
        user_id -> Text,
        hash -> Text,
        body -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        accepted_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    registrations (key) {
        key -> Text,
        version -> BigInt,
        expires_at -> BigInt,
        body -> Binary,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        user_id -> Nullable<Text>,
        kind -> Text,
        connection -> Text,
        message -> Binary,
        created_at -> BigInt,
        due_at -> BigInt,
        expires_at -> BigInt,
        tries -> BigInt,
    }
}

diesel::table! {
    tallies (span, at, what, about) {
        span -> BigInt,
        at -> BigInt,
        what -> Text,
        about -> Text,
        number -> BigInt,
    }
}

diesel::joinable!(login_names -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(login_names, users);
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(chains, chain_revisions);
