package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value reads and writes one setting as text. It is the interface of the flag packages, so a setting can be a flag as it is.
type Value interface {
	Set(string) error
	String() string
	Type() string // placeholder in the help text
}

type text struct {
	to   *string
	name string
}

func (v text) Set(s string) error { *v.to = s; return nil }
func (v text) String() string     { return *v.to }
func (v text) Type() string       { return v.name }

// address is host:port; port 0 lets the system choose.
type address struct {
	to       *string
	required bool
}

func (v address) Set(s string) error {
	if s == "" && !v.required {
		*v.to = ""
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q has no port between 0 and 65535", s)
	} else if n == 0 && port != "0" {
		return fmt.Errorf("port %q: write 0", port)
	}
	*v.to = s
	return nil
}
func (v address) String() string { return *v.to }
func (v address) Type() string   { return "ADDR" }

// baseURL is an absolute http or https URL without query; a final slash is cut.
type baseURL struct{ to *string }

func (v baseURL) Set(s string) error {
	if s == "" {
		*v.to = ""
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is not an http or https URL without user, query and fragment", s)
	}
	*v.to = strings.TrimRight(s, "/")
	return nil
}
func (v baseURL) String() string { return *v.to }
func (v baseURL) Type() string   { return "URL" }

type boolean struct{ to *bool }

func (v boolean) Set(s string) error {
	switch s {
	case "true", "1", "yes":
		*v.to = true
	case "false", "0", "no":
		*v.to = false
	default:
		return fmt.Errorf("%q is neither true nor false", s)
	}
	return nil
}
func (v boolean) String() string { return strconv.FormatBool(*v.to) }
func (v boolean) Type() string   { return "bool" }

type choice struct {
	to      *string
	allowed []string
}

func (v choice) Set(s string) error {
	if !slices.Contains(v.allowed, s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(v.allowed, ", "))
	}
	*v.to = s
	return nil
}
func (v choice) String() string { return *v.to }
func (v choice) Type() string   { return strings.Join(v.allowed, "|") }

type level struct{ to *slog.Level }

func (v level) Set(s string) error {
	switch s {
	case "debug":
		*v.to = slog.LevelDebug
	case "info":
		*v.to = slog.LevelInfo
	case "warn":
		*v.to = slog.LevelWarn
	case "error":
		*v.to = slog.LevelError
	default:
		return fmt.Errorf("%q is none of debug, info, warn, error", s)
	}
	return nil
}
func (v level) String() string { return strings.ToLower(v.to.String()) }
func (v level) Type() string   { return "LEVEL" }

type count struct{ to *int64 }

func (v count) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a whole number above zero", s)
	}
	*v.to = n
	return nil
}
func (v count) String() string { return strconv.FormatInt(*v.to, 10) }
func (v count) Type() string   { return "N" }

// LoopbackOrigins and AllOrigins are what Config.Origins may hold besides origins: those of this machine whatever their port, and every one.
const (
	LoopbackOrigins = "loopback"
	AllOrigins      = "*"
)

// origins is a list of origins (RFC 6454): a scheme and a host, with a port when it is not the scheme's own.
type origins struct{ to *[]string }

func (v origins) Set(s string) error {
	var list []string
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		u, err := url.Parse(item)
		switch {
		case item == LoopbackOrigins, item == AllOrigins:
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || item != u.Scheme+"://"+strings.ToLower(u.Host):
			return fmt.Errorf("%q is not an origin such as https://app.example:8443, nor %s, nor %s", item, LoopbackOrigins, AllOrigins)
		}
		list = append(list, item)
	}
	*v.to = list
	return nil
}
func (v origins) String() string { return strings.Join(*v.to, ",") }
func (v origins) Type() string   { return "ORIGINS" }

// urls are absolute addresses with commas between them.
type urls struct{ to *[]string }

func (v urls) Set(s string) error {
	var list []string
	if s == "" {
		*v.to = nil
		return nil
	}
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		if u, err := url.Parse(item); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("%q is not an absolute http or https URL", item)
		}
		list = append(list, item)
	}
	*v.to = list
	return nil
}
func (v urls) String() string { return strings.Join(*v.to, ",") }
func (v urls) Type() string   { return "URLS" }

// networks are those of addresses, with commas between them.
type networks struct{ to *[]netip.Prefix }

func (v networks) Set(s string) error {
	*v.to = nil
	if s == "" {
		return nil
	}
	for item := range strings.SplitSeq(s, ",") {
		item = strings.TrimSpace(item)
		network, err := netip.ParsePrefix(item)
		if at, notNetwork := netip.ParseAddr(item); notNetwork == nil {
			network, err = at.Prefix(at.BitLen())
		}
		if err != nil {
			return fmt.Errorf("%q is not a network such as 10.0.0.0/8, nor an address", item)
		}
		*v.to = append(*v.to, network.Masked())
	}
	return nil
}

func (v networks) String() string {
	var list []string
	for _, network := range *v.to {
		list = append(list, network.String())
	}
	return strings.Join(list, ",")
}
func (v networks) Type() string { return "NETWORKS" }

// number is a count that may be zero.
type number struct{ to *int64 }

func (v number) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of 0 or more", s)
	}
	*v.to = n
	return nil
}
func (v number) String() string { return strconv.FormatInt(*v.to, 10) }
func (v number) Type() string   { return "N" }

// AutoMemory and NoMemoryLimit are what Config.Memory is besides a number of bytes.
const (
	AutoMemory    = 0
	NoMemoryLimit = -1
)

// memory is a size, or who decides about it.
type memory struct{ to *int64 }

func (v memory) Set(s string) error {
	switch s {
	case "auto":
		*v.to = AutoMemory
	case "off":
		*v.to = NoMemoryLimit
	default:
		return size{v.to, 64 << 20}.Set(s)
	}
	return nil
}

func (v memory) String() string {
	switch *v.to {
	case AutoMemory:
		return "auto"
	case NoMemoryLimit:
		return "off"
	}
	return formatSize(*v.to)
}
func (v memory) Type() string { return "SIZE|auto|off" }

// AutoCache is what Config.Cache is besides a number of bytes.
const AutoCache = 0

// cache is a size, or auto.
type cache struct{ to *int64 }

func (v cache) Set(s string) error {
	if s == "auto" {
		*v.to = AutoCache
		return nil
	}
	return size{v.to, 1 << 20}.Set(s)
}

func (v cache) String() string {
	if *v.to == AutoCache {
		return "auto"
	}
	return formatSize(*v.to)
}
func (v cache) Type() string { return "SIZE|auto" }

type duration struct{ to *time.Duration }

func (v duration) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration such as 30s or 2m", s)
	}
	*v.to = d
	return nil
}
func (v duration) String() string { return v.to.String() }
func (v duration) Type() string   { return "DURATION" }

// size is a number of bytes with an optional unit.
type size struct {
	to    *int64
	least int64
}

// units by suffix; the longer suffix first, because MiB ends in B.
var units = [...]struct {
	suffix string
	shift  uint
}{{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}, {"", 0}}

func (v size) Set(s string) error {
	n, err := parseSize(s)
	if err != nil {
		return err
	}
	if n < v.least {
		return fmt.Errorf("%q is less than %s", s, formatSize(v.least))
	}
	*v.to = n
	return nil
}
func (v size) String() string { return formatSize(*v.to) }
func (v size) Type() string   { return "SIZE" }

func parseSize(s string) (int64, error) {
	for _, unit := range units {
		digits, found := strings.CutSuffix(s, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n < 0 || n > 1<<50>>unit.shift {
			break
		}
		return n << unit.shift, nil
	}
	return 0, errors.New(strconv.Quote(s) + " is not a size such as 65536, 512KiB, 64MiB or 1GiB")
}

func formatSize(n int64) string {
	for _, unit := range units {
		if n > 0 && unit.shift > 0 && n%(1<<unit.shift) == 0 {
			return strconv.FormatInt(n>>unit.shift, 10) + unit.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}
