package version

import (
	"runtime/debug"
	"strings"
)

// Unknown stands in for a part that the binary does not carry, as in a build outside a repository.
const Unknown = "unknown"

// Info describes one build.
type Info struct {
	Version  string // module version such as v0.3.0, or "devel" for a build from a checkout
	Revision string // full VCS commit, or Unknown
	Time     string // commit time, RFC 3339, or Unknown
	Modified bool   // the checkout had uncommitted changes
	Go       string // Go release that built the binary, such as go1.26.0
}

// Read returns the description of the running binary.
func Read() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return fromBuild(build)
}

func fromBuild(build *debug.BuildInfo) Info {
	info := Info{Version: strings.Trim(build.Main.Version, "()"), Revision: Unknown, Time: Unknown, Go: build.GoVersion}
	if info.Version == "" {
		info.Version = "devel"
	}
	if info.Go == "" {
		info.Go = Unknown
	}
	for _, s := range build.Settings {
		switch s.Key {
		case "vcs.revision":
			info.Revision = s.Value
		case "vcs.time":
			info.Time = s.Value
		case "vcs.modified":
			info.Modified = s.Value == "true"
		}
	}
	return info
}

// String is the one-line form: version, short commit, a mark for local changes, commit time and Go release, leaving out what is unknown.
func (i Info) String() string {
	parts := []string{i.Version}
	if i.Revision != Unknown {
		commit := i.Revision[:min(12, len(i.Revision))]
		if i.Modified {
			commit += "+changes"
		}
		parts = append(parts, commit)
	}
	if i.Time != Unknown {
		parts = append(parts, i.Time)
	}
	if i.Go != Unknown {
		parts = append(parts, i.Go)
	}
	return strings.Join(parts, " ")
}
