//! What a virtual machine is given for its first boot: cloud-init's
//! `#cloud-config`, as custom data (never user data, which any process on the
//! machine may read later).

/// The document: the user that Lazuli logs in as, keys that may log in, and
/// the host's own key, so that nothing has to be trusted at first sight.
#[must_use]
pub(crate) fn cloud_config(
    hostname: &str,
    authorized_keys: &[String],
    host_key_private: &str,
    host_key_public: &str,
) -> String {
    let keys: String = authorized_keys
        .iter()
        .map(|key| format!("      - {}\n", quoted(key)))
        .collect();
    let private: String = host_key_private
        .trim_end()
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "#cloud-config\n\
         hostname: {}\n\
         preserve_hostname: false\n\
         disable_root: true\n\
         ssh_pwauth: false\n\
         ssh_deletekeys: true\n\
         users:\n\
         \x20 - name: ubuntu\n\
         \x20   gecos: Ubuntu\n\
         \x20   groups: [adm, sudo]\n\
         \x20   shell: /bin/bash\n\
         \x20   sudo: ALL=(ALL) NOPASSWD:ALL\n\
         \x20   lock_passwd: true\n\
         \x20   ssh_authorized_keys:\n\
         {keys}\
         ssh_keys:\n\
         \x20 ed25519_private: |\n\
         {private}\
         \x20 ed25519_public: {}\n",
        quoted(hostname),
        quoted(host_key_public.trim()),
    )
}

/// A YAML double-quoted scalar; JSON's strings are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_holds_keys_as_they_are() {
        let text = super::cloud_config(
            "m-0",
            &["ssh-ed25519 AAAA lazuli".to_owned()],
            "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n",
            "ssh-ed25519 BBBB host\n",
        );
        assert!(text.starts_with("#cloud-config\n"));
        assert!(text.contains("      - \"ssh-ed25519 AAAA lazuli\"\n"));
        assert!(text.contains("  ed25519_private: |\n    -----BEGIN OPENSSH"));
        assert!(text.ends_with("  ed25519_public: \"ssh-ed25519 BBBB host\"\n"));
    }
}
