"""The REST face: viewsets over the services; where a domain error becomes HTTP."""
