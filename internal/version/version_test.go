package version

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromBuild(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	tests := []struct {
		name  string
		build debug.BuildInfo
		want  Info
		text  string
	}{
		{
			name:  "nothing known",
			build: debug.BuildInfo{},
			want:  Info{Version: "devel", Revision: Unknown, Time: Unknown, Go: Unknown},
			text:  "devel",
		},
		{
			name:  "checkout without VCS stamp",
			build: debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}},
			want:  Info{Version: "devel", Revision: Unknown, Time: Unknown, Go: "go1.26.0"},
			text:  "devel go1.26.0",
		},
		{
			name: "release with VCS stamp and local changes",
			build: debug.BuildInfo{
				GoVersion: "go1.26.0",
				Main:      debug.Module{Version: "v0.3.0"},
				Settings: []debug.BuildSetting{
					{Key: "vcs.revision", Value: commit},
					{Key: "vcs.time", Value: "2026-02-03T04:05:06Z"},
					{Key: "vcs.modified", Value: "true"},
				},
			},
			want: Info{Version: "v0.3.0", Revision: commit, Time: "2026-02-03T04:05:06Z", Modified: true, Go: "go1.26.0"},
			text: "v0.3.0 0123456789ab+changes 2026-02-03T04:05:06Z go1.26.0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fromBuild(&tt.build)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("fromBuild (-want +got):\n%s", diff)
			}
			if got.String() != tt.text {
				t.Errorf("String() = %q, want %q", got.String(), tt.text)
			}
		})
	}
}

func TestReadNamesTheGoRelease(t *testing.T) {
	if got := Read(); got.Go == Unknown || got.Version == "" {
		t.Errorf("Read() = %+v, want a version and a Go release", got)
	}
}
