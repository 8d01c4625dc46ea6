package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// blockSize is how much JSON goes into one block, in bytes. A larger block compresses better and takes longer to read one
// resource from.
const blockSize = 512 << 10

// artifactTypes are the resources whose JSON is kept, in the order they are packed: alike ones side by side.
var artifactTypes = []string{
	"StructureDefinition", "SearchParameter", "OperationDefinition", "CompartmentDefinition", "ConceptMap", "CodeSystem", "ValueSet",
}

// packer fills blocks with resources.
type packer struct {
	encoder *zstd.Encoder
	core    *wire.Core
	block   []byte
	blocks  [][]byte
}

// pack writes the JSON of all artifacts into blocks and their places into core.
func pack(resources []*object, encoder *zstd.Encoder, core *wire.Core) ([][]byte, error) {
	sorted := slices.Clone(resources)
	slices.SortStableFunc(sorted, func(a, b *object) int {
		return cmp.Compare(slices.Index(artifactTypes, a.text("resourceType")), slices.Index(artifactTypes, b.text("resourceType")))
	})
	p := &packer{encoder: encoder, core: core}
	seen := map[[2]string]bool{}
	for _, r := range sorted {
		name := [2]string{r.text("resourceType"), r.text("url")}
		if name[1] == "" || seen[name] || !slices.Contains(artifactTypes, name[0]) {
			return nil, fmt.Errorf("%s/%s has no URL, the URL of another, or is of no known type", name[0], r.text("id"))
		}
		seen[name] = true
		p.add(name, r.bytes())
	}
	p.flush()
	return p.blocks, nil
}

func (p *packer) add(name [2]string, json []byte) {
	if len(p.block) > 0 && len(p.block)+len(json) > blockSize {
		p.flush()
	}
	p.core.Artifacts = append(p.core.Artifacts, wire.Artifact{
		ResourceType: name[0], URL: name[1],
		Block: uint32(len(p.blocks)), Offset: uint32(len(p.block)), Length: uint32(len(json)),
	})
	p.block = append(p.block, json...)
}

func (p *packer) flush() {
	compressed := p.encoder.EncodeAll(p.block, nil)
	p.core.Blocks = append(p.core.Blocks, wire.Block{Length: uint32(len(compressed)), Size: uint32(len(p.block))})
	p.blocks = append(p.blocks, compressed)
	p.block = p.block[:0]
}
