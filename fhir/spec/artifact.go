package spec

import (
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// ErrUnknown is returned for an artifact that the specification does not have.
var ErrUnknown = errors.New("not in the specification")

// Artifact returns the JSON of a definition by its resource type and canonical URL; a |version is ignored. Each call
// decompresses anew (some tenths of a millisecond) and the caller owns the bytes. The error wraps [ErrUnknown] when there is
// none.
func (d *Definitions) Artifact(resourceType, url string) ([]byte, error) {
	return d.artifacts.read(resourceType, url)
}

// Artifacts returns the URLs of all artifacts of a resource type, sorted; none for a type that has no artifacts.
func (d *Definitions) Artifacts(resourceType string) []string {
	var urls []string
	for key := range d.artifacts.places {
		if key.resourceType == resourceType {
			urls = append(urls, key.url)
		}
	}
	slices.Sort(urls)
	return urls
}

// StructureDefinition returns the JSON of a type, profile or extension; see [Definitions.Artifact].
func (d *Definitions) StructureDefinition(url string) ([]byte, error) {
	return d.Artifact("StructureDefinition", url)
}

// ValueSet returns the JSON of a value set; see [Definitions.Artifact].
func (d *Definitions) ValueSet(url string) ([]byte, error) { return d.Artifact("ValueSet", url) }

// CodeSystem returns the JSON of a code system; see [Definitions.Artifact].
func (d *Definitions) CodeSystem(url string) ([]byte, error) { return d.Artifact("CodeSystem", url) }

type artifactKey struct{ resourceType, url string }

type place struct{ block, offset, length uint32 }

// archive finds resources in the compressed blocks.
type archive struct {
	blocks  []string // compressed, parts of the embedded file
	sizes   []uint32 // decompressed
	places  map[artifactKey]place
	decoder *zstd.Decoder
}

func newArchive(core *wire.Core, blocks string, decoder *zstd.Decoder) (*archive, error) {
	a := &archive{decoder: decoder, places: make(map[artifactKey]place, len(core.Artifacts))}
	for i, b := range core.Blocks {
		if uint64(b.Length) > uint64(len(blocks)) {
			return nil, fmt.Errorf("%w: block %d is cut short", wire.ErrDamaged, i)
		}
		a.blocks = append(a.blocks, blocks[:b.Length])
		a.sizes = append(a.sizes, b.Size)
		blocks = blocks[b.Length:]
	}
	for _, r := range core.Artifacts {
		if int(r.Block) >= len(a.blocks) || uint64(r.Offset)+uint64(r.Length) > uint64(a.sizes[r.Block]) {
			return nil, fmt.Errorf("%w: place of %s %s", wire.ErrDamaged, r.ResourceType, r.URL)
		}
		a.places[artifactKey{r.ResourceType, r.URL}] = place{r.Block, r.Offset, r.Length}
	}
	return a, nil
}

// find returns the place of an artifact. A few code systems of HL7 v2 have a | in their own URL, so the whole is tried first.
func (a *archive) find(resourceType, url string) (place, bool) {
	if p, ok := a.places[artifactKey{resourceType, url}]; ok {
		return p, true
	}
	p, ok := a.places[artifactKey{resourceType, withoutVersion(url)}]
	return p, ok
}

func (a *archive) read(resourceType, url string) ([]byte, error) {
	p, ok := a.find(resourceType, url)
	if !ok {
		return nil, fmt.Errorf("%s %q: %w", resourceType, url, ErrUnknown)
	}
	block, err := a.decoder.DecodeAll([]byte(a.blocks[p.block]), make([]byte, 0, a.sizes[p.block]))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrDamaged, err)
	}
	if uint64(p.offset)+uint64(p.length) > uint64(len(block)) {
		return nil, fmt.Errorf("%w: block %d is shorter than declared", wire.ErrDamaged, p.block)
	}
	return slices.Clone(block[p.offset : p.offset+p.length]), nil
}
