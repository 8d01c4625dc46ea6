package smart

// Kinds are those of the records (store.State) that last: accounts, clients, keys, and what was authorized. Codes, requests and launches under way are over within minutes, and are not among them.
func Kinds() []string {
	return []string{
		"smart-account", "smart-login", "smart-attempts", "smart-link", "smart-client", "smart-signing-key", "smart-authorization", "smart-access", "smart-refresh", "smart-session", "smart-brands",
	}
}
