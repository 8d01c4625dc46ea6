package spec

import (
	_ "embed" // r4.bin
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

//go:embed r4.bin
var r4File string

var r4 = sync.OnceValues(func() (*Definitions, error) { return open(r4File) })

// R4 returns the definitions of FHIR R4. The first call reads them (some milliseconds); all calls return the same.
// An error means that the program was built with a damaged file.
func R4() (*Definitions, error) { return r4() }

func open(file string) (*Definitions, error) {
	section, blocks, err := wire.SplitFile(file)
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	data, err := decoder.DecodeAll([]byte(section), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrDamaged, err)
	}
	core, err := wire.DecodeCore(data)
	if err != nil {
		return nil, err
	}
	d, err := link(core)
	if err != nil {
		return nil, err
	}
	if d.artifacts, err = newArchive(core, blocks, decoder); err != nil {
		return nil, err
	}
	return d, nil
}
