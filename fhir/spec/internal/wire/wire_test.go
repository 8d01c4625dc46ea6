package wire

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() *Core {
	return &Core{
		Types: []Type{{
			Name: "Observation", URL: "http://example.org/Observation", Base: "DomainResource", Kind: 1, Flags: FlagAbstract,
			Elements: []Element{{
				Name: "value", Path: "Observation.value[x]", Short: "é", Min: 0, Max: Unbounded, Flags: FlagChoice,
				Strength: "required", ValueSet: "http://example.org/vs",
				Types: []TypeRef{{Code: "Reference", JSONName: "valueReference", Targets: []string{"Patient", "Group"}}},
				Children: []Element{
					{Name: "id", Path: "Observation.value[x].id", Max: 1, Types: []TypeRef{{Code: "string", JSONName: "id"}}},
				},
			}},
		}},
		SearchParameters: []SearchParameter{{
			Code: "combo", Base: []string{"Observation"}, Components: []Component{{"http://example.org/sp", "value"}}, Single: SingleOr,
		}},
		Compartments: []Compartment{{Code: "Patient", Members: []Member{{Type: "Observation", Params: []string{"subject"}}}}},
		Systems:      []System{{ValueSet: "http://example.org/vs", System: "http://example.org/cs"}},
		Blocks:       []Block{{Length: 3, Size: 10}},
		Artifacts:    []Artifact{{ResourceType: "ValueSet", URL: "http://example.org/vs", Block: 0, Offset: 2, Length: 8}},
	}
}

func TestCoreRoundTrip(t *testing.T) {
	got, err := DecodeCore(sample().Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeCoreDamaged(t *testing.T) {
	whole := sample().Append(nil)
	for n := range whole {
		if _, err := DecodeCore(whole[:n]); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut after %d of %d bytes: error %v", n, len(whole), err)
		}
	}
	if _, err := DecodeCore(append(whole, 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("one byte more: error %v", err)
	}
}

func TestSplitFile(t *testing.T) {
	file := string(AppendFile(nil, []byte("core"), [][]byte{[]byte("one"), []byte("two")}))
	core, blocks, err := SplitFile(file)
	if core != "core" || blocks != "onetwo" || err != nil {
		t.Errorf("got %q, %q, %v", core, blocks, err)
	}
	for name, damaged := range map[string]string{
		"empty": "", "wrong magic": "x" + file, "magic only": file[:len(magic)], "cut in core": file[:len(magic)+3],
	} {
		if _, _, err := SplitFile(damaged); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzDecodeCore(f *testing.F) {
	f.Add(sample().Append(nil))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		core, err := DecodeCore(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := DecodeCore(core.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(core, again); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
