package main

import (
	"cmp"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/firth-health/firth/fhir/spec/internal/wire"
)

// build makes the definitions file from the packed npm package.
func build(tgz string) ([]byte, error) {
	src, err := readPackage(tgz)
	if err != nil {
		return nil, err
	}
	resources, err := scrub(src)
	if err != nil {
		return nil, err
	}
	if err := verify(resources, src); err != nil {
		return nil, err
	}
	core, err := digest(resources)
	if err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	blocks, err := pack(resources, encoder, core)
	if err != nil {
		return nil, err
	}
	return wire.AppendFile(nil, encoder.EncodeAll(core.Append(nil), nil), blocks), nil
}

// digest makes the records that are read at start.
func digest(resources []*object) (*wire.Core, error) {
	core := new(wire.Core)
	for _, r := range resources {
		if err := digestResource(core, r); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(core.Types, func(a, b wire.Type) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(core.SearchParameters, func(a, b wire.SearchParameter) int { return cmp.Compare(a.URL, b.URL) })
	slices.SortFunc(core.Compartments, func(a, b wire.Compartment) int { return cmp.Compare(a.Code, b.Code) })
	systems, err := findSystems(resources)
	core.Systems = systems
	return core, err
}

func digestResource(core *wire.Core, r *object) error {
	switch r.text("resourceType") {
	case "StructureDefinition":
		t, ok, err := digestType(r)
		if ok {
			core.Types = append(core.Types, t)
		}
		return err
	case "SearchParameter":
		p, err := digestSearchParameter(r)
		core.SearchParameters = append(core.SearchParameters, p)
		return err
	case "CompartmentDefinition":
		c, err := digestCompartment(r)
		core.Compartments = append(core.Compartments, c)
		return err
	}
	return nil
}
