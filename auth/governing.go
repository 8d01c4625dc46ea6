package auth

// governs reports whether resources of a type decide how the server behaves towards everybody: what it can search for, what it takes for valid, what codes mean. They are
// written by clients on their own behalf (system/) and by administrators.
func governs(typ string) bool {
	switch typ {
	case "SearchParameter", "StructureDefinition", "CompartmentDefinition", "OperationDefinition", "CapabilityStatement", "ImplementationGuide", "StructureMap", "GraphDefinition",
		"CodeSystem", "ValueSet", "ConceptMap", "NamingSystem", "TerminologyCapabilities":
		return true
	}
	return false
}
