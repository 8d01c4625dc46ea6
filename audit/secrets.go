package audit

import "strings"

// hidden stands for the value of a secret.
const hidden = "***"

// isSecret reports whether a parameter of a request is one that must not be kept, wherever it came: those of OAuth 2.0, OpenID Connect and SMART that let who has them act for others.
func isSecret(name string) bool {
	switch strings.ToLower(strings.ReplaceAll(name, "-", "_")) {
	case "access_token", "refresh_token", "id_token", "token", "code", "code_verifier", "client_secret", "client_assertion", "assertion", "password", "id_token_hint", "otp", "totp", "csrf",
		"subject_token", "actor_token", "logout_token", "device_code", "user_code", "registration_access_token", "secret", "passwd", "passphrase", "api_key", "apikey", "authorization", "session", "sid",
		"link", "launch", "jwt", "private_key":
		return true
	}
	return false
}

// withoutSecrets takes the values of secrets out of a request, "path?query" or a form. In a search, code and link are parameters like others. It allocates only when there are secrets.
func withoutSecrets(query string, isSearch bool) string {
	start := strings.IndexByte(query, '?') + 1
	var out []byte
	done := 0
	for start < len(query) {
		end := start + strings.IndexByte(query[start:], '&')
		if end < start {
			end = len(query)
		}
		name, _, has := strings.Cut(query[start:end], "=")
		if plain := unescaped(name); has && isSecret(plain) && !(isSearch && (plain == "code" || plain == "link")) {
			out = append(append(append(out, query[done:start]...), name...), "="+hidden...)
			done = end
		}
		start = end + 1
	}
	if done == 0 {
		return query
	}
	return string(out) + query[done:]
}

// unescaped undoes percent escapes in a name, so that none of them hides a secret.
func unescaped(name string) string {
	if strings.IndexByte(name, '%') < 0 {
		return name
	}
	var out []byte
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if hi, lo := fromHex(name[i+1]), fromHex(name[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, name[i])
	}
	return string(out)
}

func fromHex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
