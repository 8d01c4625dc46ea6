package pebble

import "strconv"

func versionText(version uint64) string { return strconv.FormatUint(version, 10) }

// parseVersion reads a version id as the store writes it: decimal without sign or leading zero. It returns false for anything else, which is no
// version of any resource.
func parseVersion(s string) (uint64, bool) {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || v == 0 || v > maxVersion || s[0] == '0' || s[0] == '+' {
		return 0, false
	}
	return v, true
}
